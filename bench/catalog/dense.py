"""Detectors and segmentors, made from the cards of their backbones.

The entry of a backbone names what can be made of it and what is known of that (`dense`); all else follows
from the backbone and the method, so that a backbone is entered in one place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bench.spec.card import DenseCard, DenseCards, DenseMethod, ModelCard, Preprocessing

ONE_GRID = frozenset({"Vim", "LocalVim"})
"""Families whose backbones have one token grid, with tables of the size that they were trained with."""

FIXED_GRID = frozenset({"Vim"})
"""Those of them whose tables must be made anew for another size; the others resize them when they run."""

PATCH_PX = 16


@dataclass(frozen=True)
class Method:
    """What all detectors or segmentors of one method have in common.

    Attributes:
        label: what comes before the name of the backbone.
        size: height and width in pixels that MACs are published for.
        grid_size: the same for backbones with one token grid, whose tables belong to a size: that of
            their training.
        smallest_px: of the coarsest map one token must be left.
        paper: where the method is from.

    """

    label: str
    size: tuple[int, int]
    grid_size: tuple[int, int]
    smallest_px: int
    paper: str


METHODS: Mapping[DenseMethod, Method] = MappingProxyType(
    {
        "mask_rcnn": Method(
            "Mask R-CNN", (800, 1280), (1024, 1024), 32, "Mask R-CNN (ICCV 2017), arXiv 1703.06870"
        ),
        "upernet": Method(
            "UperNet", (512, 2048), (512, 512), 32, "Unified Perceptual Parsing (ECCV 2018), arXiv 1807.10221"
        ),
    }
)
# whole images, scaled by the pipeline of the task
WHOLE = Preprocessing(crop_pct=1, interpolation="bilinear")
UNKNOWN = "no address of a file is known here"


def dense_cards(backbone: ModelCard, dense: DenseCards) -> Iterator[ModelCard]:
    """Yield a card per detector and segmentor of a backbone; its key is `METHOD-BACKBONE`."""
    for name in METHODS:
        known: DenseCard | None = getattr(dense, name)
        if known is not None:
            yield _card(backbone, name, known)


def _card(backbone: ModelCard, name: DenseMethod, known: DenseCard) -> ModelCard:
    method = METHODS[name]
    height_px, width_px = method.grid_size if backbone.family in ONE_GRID else method.size
    fixed = backbone.family in FIXED_GRID
    return ModelCard(
        key=f"{name}-{backbone.key}",
        label=f"{method.label}, {backbone.label}",
        family=backbone.family,
        source=name,
        ref=backbone.key,
        params=known.params,
        height_px=known.height_px or height_px,
        width_px=known.width_px or width_px,
        preprocessing=WHOLE,
        head=known.head,
        weights_file=known.weights_file,
        weights_url=known.weights_url,
        weights_sha256=known.weights_sha256,
        weights_keys=("state_dict",),
        no_weights=known.no_weights or (None if known.weights_url or known.weights_file else UNKNOWN),
        licence=backbone.licence,
        paper=f"{method.paper}; {backbone.paper}",
        # the others pad windows and patches, also those that classify one size only
        any_size=not fixed,
        multiple_px=PATCH_PX if fixed else 1,
        smallest_px=method.smallest_px,
        options=backbone.options,
    )

"""Cards: what the bench knows of a checkpoint and of a task before it runs anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, PositiveInt

from bench.spec.base import Spec
from bench.spec.cell import Measure, digest

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

Option = Literal["scan_backend", "true_inverse"]
"""What can be chosen for some networks besides their input size; fields of `Cell`."""

Kind = Literal["classification", "detection", "segmentation"]
"""What a network is for, and a task."""

Head = Literal["published", "micro"]
"""Heads of a detector or segmentor: those of the papers, or narrow ones for small images."""

DenseMethod = Literal["mask_rcnn", "upernet"]
"""What can be made of a backbone: a detector, or a segmentor; fields of `DenseCards`."""

KINDS: Mapping[str, Kind] = {"mask_rcnn": "detection", "upernet": "segmentation"}
"""What the networks of a source are for; those of the sources that are not here are classifiers."""


class Preprocessing(Spec):
    """The evaluation transform a checkpoint was published with.

    Resize the shorter side to `size / crop_pct`, then crop the centre; values in [0, 1] are
    normalised by `mean` and `std` (RGB).
    """

    crop_pct: float = Field(gt=0, le=1)
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


class DenseCard(Spec):
    """What is known of one detector or segmentor, besides what follows from its backbone.

    `params` is the exact count, auxiliary heads included; `height_px` and `width_px` are of its input where
    that is not the one of the method. The other fields are those of `ModelCard`.
    """

    params: PositiveInt
    height_px: PositiveInt | None = None
    width_px: PositiveInt | None = None
    head: Head = "published"
    weights_url: str | None = None
    weights_file: str | None = None
    weights_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    no_weights: str | None = None


class DenseCards(Spec):
    """What can be made of the backbone `key`; see `bench.catalog.dense`."""

    key: str
    mask_rcnn: DenseCard | None = None
    upernet: DenseCard | None = None


class ModelCard(Spec):
    """One checkpoint.

    `source` says who builds the network and `ref` what it is called there. `params` is the
    exact count with a head for `classes`, or of a whole detector or segmentor. `weights_sha256` is None
    where it is not known. `weights_file` is a file that ships with the bench, in `catalog/weights/`,
    instead of one at `weights_url`. `head` is that of a detector or segmentor.
    `weights_keys` are where a checkpoint file holds the weights, the preferred ones first, by default
    the usual ones; `averaged` says whether those published are a moving average (None: not known).
    `no_weights` is why there are no public ones, or why there is no address.
    `any_size` is False for networks that must be built for their input size. Heights and widths are
    multiples of `multiple_px`, the edge or the stride of a patch, and at least `smallest_px`.
    `options` are what else can be chosen for the network.
    """

    key: str
    label: str
    family: str
    source: Literal["timm", "native", "vit", "reduced", "mask_rcnn", "upernet"]
    ref: str
    params: PositiveInt
    height_px: PositiveInt
    width_px: PositiveInt
    preprocessing: Preprocessing
    classes: PositiveInt = 1000
    head: Head = "published"
    weights_url: str | None = None
    weights_file: str | None = Field(default=None, pattern=r"^[\w-]+\.safetensors$")
    weights_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    weights_keys: tuple[str, ...] = ()
    averaged: bool | None = None
    no_weights: str | None = None
    licence: str
    paper: str
    any_size: bool = True
    multiple_px: PositiveInt = 1
    smallest_px: PositiveInt = 1
    options: tuple[Option, ...] = ()

    @property
    def kind(self) -> Kind:
        """What the network is for."""
        return KINDS.get(self.source, "classification")

    def wrong_size(self, height_px: int, width_px: int) -> str | None:
        """Say why the network cannot take this input size, with the nearest it can; None where it can."""
        step, least = self.multiple_px, self.smallest_px
        asked = (height_px, width_px)
        if all(length % step == 0 and length >= least for length in asked):
            return None
        nearest = "x".join(str(max(least, step, round(length / step) * step)) for length in asked)
        multiples = f"that are multiples of {step} px" if step > 1 else ""
        enough = f"of at least {least} px" if least > step else ""
        wanted = " and ".join(text for text in (multiples, enough) if text)
        return (
            f"{self.key} takes heights and widths {wanted}, not {height_px}x{width_px}; "
            f"the nearest size is {nearest}"
        )

    def digest_for(self, measure: Measure) -> str:
        """Twelve hex digits of what of this card decides a figure.

        Speed, memory and complexity hang on the network alone; accuracy on the weights and
        their preprocessing too.
        """
        decides = {"source", "ref", "any_size"}
        # fields that came later: left out where they say nothing, so that older digests hold
        later = {"classes", "head"}
        if measure == "accuracy":
            decides |= {"preprocessing", "weights_url", "weights_sha256"}
            later |= {"weights_keys", "weights_file"}
        content = self.model_dump(mode="json", include=decides)
        return digest(content | self.model_dump(mode="json", include=later, exclude_defaults=True))


class Layout(Spec):
    """Where images and labels of a detection or segmentation set lie, and at which scale it is tested.

    `images` is a folder and `labels` a folder or file, both below one of the task's folders; suffixes
    are those of the files. Cells of the size `at` (height, width in pixels: that of the published MACs) are
    tested at the published `scale`, (longer, shorter) side in pixels; cells of another size at their own.
    """

    images: str
    labels: str
    image_suffix: str = ".jpg"
    at: tuple[PositiveInt, PositiveInt]
    scale: tuple[PositiveInt, PositiveInt]

    def scale_of(self, height_px: int, width_px: int) -> tuple[int, int]:
        """Return the longer and shorter side in pixels that images of a cell are resized to fit in."""
        if (height_px, width_px) == self.at:
            return self.scale
        return max(height_px, width_px), min(height_px, width_px)


class TaskCard(Spec):
    """One task: a data set, how it is laid out on disk, and what may be measured on it.

    `folders` are tried in order below the data folder, then the data folder itself.
    `splits` are the names a validation split may have there. `class_names` says which order
    class folders must have: WordNet ids sorted as text, numbers sorted as numbers, or any.
    `labels` are those of the folders or the reassessed ones (ReaL) that timm ships.
    `generated` names a data set the bench makes itself where it is missing; `pixels_sha256` is of its
    pictures and labels before any encoder, `files_sha256` of the JPEG files that known scores are of.
    `layout` is that of detection and segmentation sets, which have no class folders.
    """

    key: str
    label: str
    version: PositiveInt
    kind: Kind
    images: PositiveInt
    classes: PositiveInt
    class_names: Literal["wnid", "number", "any"]
    labels: Literal["folder", "real"] = "folder"
    folders: tuple[str, ...]
    splits: tuple[str, ...]
    measures: tuple[Measure, ...]
    generated: str | None = None
    pixels_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    files_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    layout: Layout | None = None
    how_to_get: str

    def choose(self, models: Mapping[str, ModelCard]) -> Mapping[str, ModelCard]:
        """Return the models that are for this kind of task."""
        return {key: card for key, card in models.items() if card.kind == self.kind}

    @property
    def content_digest(self) -> str:
        """Twelve hex digits of what decides a score (texts and places left out)."""
        # what encoded the pictures is told by every record
        texts = {"label", "folders", "splits", "measures", "how_to_get", "files_sha256"}
        # fields that came later: left out where they say nothing, so that older digests hold
        later = {name for name in ("layout", "pixels_sha256") if getattr(self, name) is None}
        return digest(self.model_dump(mode="json", exclude=texts | later))

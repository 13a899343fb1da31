"""Cards: what the bench knows of a checkpoint and of a task before it runs anything."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt

from bench.spec.base import Spec
from bench.spec.cell import Measure, digest

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Preprocessing(Spec):
    """The evaluation transform a checkpoint was published with.

    Resize the shorter side to `size / crop_pct`, then crop the centre; values in [0, 1] are
    normalised by `mean` and `std` (RGB).
    """

    crop_pct: float = Field(gt=0, le=1)
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


class ModelCard(Spec):
    """One checkpoint.

    `source` says who builds the network and `ref` what it is called there. `params` is the
    exact count with a 1000-class head. `weights_sha256` is None where it is not known.
    `any_size` is False for networks that must be built for their input size; those take heights
    and widths that are multiples of `multiple_px`, the edge of a patch.
    """

    key: str
    label: str
    family: str
    source: Literal["timm"]
    ref: str
    params: PositiveInt
    height_px: PositiveInt
    width_px: PositiveInt
    preprocessing: Preprocessing
    weights_url: str | None = None
    weights_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    licence: str
    paper: str
    any_size: bool = True
    multiple_px: PositiveInt = 1

    def digest_for(self, measure: Measure) -> str:
        """Twelve hex digits of what of this card decides a figure.

        Speed, memory and complexity hang on the network alone; accuracy on the weights and
        their preprocessing too.
        """
        decides = {"source", "ref", "any_size"}
        if measure == "accuracy":
            decides |= {"preprocessing", "weights_url", "weights_sha256"}
        return digest(self.model_dump(mode="json", include=decides))


class TaskCard(Spec):
    """One task: a data set, how it is laid out on disk, and what may be measured on it.

    `folders` are tried in order below the data folder, then the data folder itself.
    `splits` are the names a validation split may have there. `class_names` says which order
    class folders must have: WordNet ids sorted as text, numbers sorted as numbers, or any.
    `labels` are those of the folders or the reassessed ones (ReaL) that timm ships.
    `generated` names a data set the bench makes itself where it is missing.
    """

    key: str
    label: str
    version: PositiveInt
    kind: Literal["classification"]
    images: PositiveInt
    classes: PositiveInt
    class_names: Literal["wnid", "number", "any"]
    labels: Literal["folder", "real"] = "folder"
    folders: tuple[str, ...]
    splits: tuple[str, ...]
    measures: tuple[Measure, ...]
    generated: str | None = None
    how_to_get: str

    @property
    def content_digest(self) -> str:
        """Twelve hex digits of what decides a score (texts and places left out)."""
        texts = {"label", "folders", "splits", "measures", "how_to_get"}
        return digest(self.model_dump(mode="json", exclude=texts))

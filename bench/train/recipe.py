"""Every number of a training, read from YAML."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from bench.spec.base import Spec
from bench.spec.card import Kind
from bench.spec.errors import UserError

HERE = Path(__file__).parent / "recipes.yaml"


def _rising(span: tuple[float, float]) -> tuple[float, float]:
    if not 0 < span[0] <= span[1] < math.inf:
        raise PydanticCustomError("range", "expected two numbers above 0, the smaller first")
    return span


Range = Annotated[tuple[float, float], AfterValidator(_rising)]
Chance = float


class Recipe(Spec):
    """What trainings of all kinds have in common.

    There are `train_images`, the first ones of the split; an epoch sees `epoch_images` of them in random
    order, so that time can be kept by epochs. The learning rate rises linearly over the first `warmup_steps`
    and falls by a cosine to `min_lr` at the end. `ema_decay` is that of the
    average of the weights. The network is scored on `val_images` every `score_every` epochs and at the end.
    `scan_backend` computes selective scans; `precision` is that on a GPU, a CPU always computes in fp32.
    """

    epochs: PositiveInt
    train_images: PositiveInt
    epoch_images: PositiveInt
    val_images: PositiveInt
    batch: PositiveInt
    lr: PositiveFloat
    min_lr: NonNegativeFloat
    warmup_steps: NonNegativeInt
    weight_decay: NonNegativeFloat
    clip_norm: PositiveFloat
    ema_decay: float = Field(ge=0, lt=1)
    score_every: PositiveInt
    precision: Literal["amp_bf16", "tf32", "fp32"]
    scan_backend: Literal["auto", "torch", "triton"]

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return max(1, min(self.epoch_images, self.train_images) // self.batch)


class ClassificationRecipe(Recipe):
    """A classifier.

    Pictures are kept as squares of `side_px`. A view is a crop of `crop_area` of them, of `crop_ratio` width
    over height, turned by quarters and by up to `tilt_degrees`; brightness and contrast change by up to
    `brightness` and `contrast`, alike in all colours, and a rectangle is erased in `erase` of the views.
    Nothing is mirrored, since two classes are mirror images of two others. `mix` of the batches are mixed,
    half of them by CutMix and half by Mixup.
    """

    kind: Literal["classification"] = "classification"
    side_px: PositiveInt
    crop_area: Range
    crop_ratio: Range
    tilt_degrees: NonNegativeFloat
    brightness: NonNegativeFloat
    contrast: NonNegativeFloat
    erase: Chance = Field(ge=0, le=1)
    mix: Chance = Field(ge=0, le=1)
    mixup_alpha: PositiveFloat
    cutmix_alpha: PositiveFloat
    label_smoothing: float = Field(ge=0, lt=1)


class DenseRecipe(Recipe):
    """A detector or segmentor; scenes are enlarged by `zoom`, turned by halves and up to `tilt_degrees`.

    `backbone_lr` is the rate of a trained backbone over that of the rest.
    """

    kind: Literal["dense"] = "dense"
    zoom: Range
    tilt_degrees: NonNegativeFloat
    brightness: NonNegativeFloat
    contrast: NonNegativeFloat
    backbone_lr: PositiveFloat


def read(kind: Kind, path: Path = HERE, changes: dict[str, object] | None = None) -> Recipe:
    """Return the recipe of a kind of network with some fields changed.

    Raises `UserError` naming file or option, and field.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: not a readable file of recipes: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get(kind), dict):
        raise UserError(f"{path}: has no recipe for {kind}")
    model = ClassificationRecipe if kind == "classification" else DenseRecipe
    changes = changes or {}
    try:
        return model.model_validate({**document[kind], **changes})
    except ValidationError as error:
        lines = []
        for each in error.errors():
            first, *rest = map(str, each["loc"])
            place = "--set " if first in changes else f"{path}: {kind}."
            lines.append(f"{place}{'.'.join((first, *rest))}: {each['msg'][0].lower()}{each['msg'][1:]}")
        raise UserError("\n".join(lines)) from None

"""The evaluation transform of a checkpoint, as timm makes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PIL import Image
from timm.data.transforms_factory import create_transform
from torch import Tensor

from bench.spec.card import ModelCard, Preprocessing
from bench.spec.cell import Cell

Transform = Callable[[Image.Image], Tensor]


class Resolved(Preprocessing):
    """The preprocessing of one cell: that of the checkpoint, the cell's size and the cell's crop."""

    height_px: int
    width_px: int
    crop_mode: Literal["center"] = "center"


def resolve(card: ModelCard, cell: Cell) -> Resolved:
    """Combine what the checkpoint was published with and what the cell overrides."""
    values = card.preprocessing.model_dump()
    if cell.crop_pct is not None:
        values["crop_pct"] = cell.crop_pct
    return Resolved(**values, height_px=cell.height_px, width_px=cell.width_px)


def transform(resolved: Resolved) -> Transform:
    """Return the transform from an RGB image to a normalised float32 tensor (3, height, width)."""
    made: Transform = create_transform(
        input_size=(3, resolved.height_px, resolved.width_px),
        is_training=False,
        crop_pct=resolved.crop_pct,
        crop_mode=resolved.crop_mode,
        interpolation=resolved.interpolation,
        mean=resolved.mean,
        std=resolved.std,
    )
    return made

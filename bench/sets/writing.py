"""What writers of data sets have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


class Tally(Protocol):
    """Is told of everything that is written: a name and arrays, once per image."""

    def __call__(self, name: str, *planes: NDArray[Any]) -> None:
        """Take note of the arrays of one image."""


def untold(name: str, *planes: NDArray[Any]) -> None:
    """Be a tally that nobody reads."""
    del name, planes


def write_classes(
    folder: Path, pictures: Iterable[tuple[str, Pixels]], quality: int, tally: Tally = untold
) -> None:
    """Write pictures, each with the name `class/name`, as JPEG files in folders of classes."""
    for name, pixels in pictures:
        path = folder / f"{name}.jpg"
        path.parent.mkdir(exist_ok=True)
        # JPEG, so that the decoder of real data sets is used too
        Image.fromarray(pixels).save(path, quality=quality)
        tally(name, pixels)


def write_ade20k(
    root: Path, pictures: Iterable[tuple[Pixels, Pixels]], quality: int, tally: Tally = untold
) -> None:
    """Write pictures as JPEG and labels as PNG of 8 bits: 0 for what does not count, classes from 1."""
    images, labels = root / "images" / "validation", root / "annotations" / "validation"
    images.mkdir(parents=True)
    labels.mkdir(parents=True)
    for name, (pixels, values) in _numbered(pictures):
        Image.fromarray(pixels).save(images / f"{name}.jpg", quality=quality)
        Image.fromarray(values).save(labels / f"{name}.png")
        tally(name, pixels, values)


def _numbered(pictures: Iterable[tuple[Pixels, Pixels]]) -> Iterator[tuple[str, tuple[Pixels, Pixels]]]:
    for number, picture in enumerate(pictures, start=1):
        yield f"ADE_val_{number:08d}", picture

"""Decodes and transforms images in order; a damaged image stays in its place and says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from bench.tasks.classification.images import ImageSet
from bench.tasks.classification.preprocess import Transform


class Item(NamedTuple):
    """One image (3, height, width), or why there is none."""

    position: int
    pixels: Tensor | None
    problem: str


class Batch(NamedTuple):
    """Images (n, 3, height, width) with their positions; damaged ones apart, with the reason.

    `pixels` is None where no image of the batch could be decoded.
    """

    pixels: Tensor | None
    positions: list[int]
    damaged: list[tuple[int, str]]


class DecodedImages(Dataset[Item]):
    """The images at some positions of an `ImageSet`, transformed.

    Unlike timm's own data set it never puts the next image in the place of a damaged one.
    """

    def __init__(self, images: ImageSet, positions: Sequence[int], transform: Transform) -> None:
        self._images, self._positions, self._transform = images, positions, transform

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, index: int) -> Item:
        position = self._positions[index]
        try:
            image = self._images.decode(position)
        # decoders raise nearly anything on damaged files
        except Exception as error:
            return Item(position, None, f"{type(error).__name__}: {error}")
        return Item(position, self._transform(image), "")


def loader(images: DecodedImages, batch_images: int, workers: int, *, pin: bool) -> DataLoader[Item]:
    """Return batches in order, the last one as short as it is; `pin` for copies to a GPU."""
    return DataLoader(
        images,
        batch_size=batch_images,
        shuffle=False,
        num_workers=workers,
        collate_fn=collate,
        pin_memory=pin,
    )


def collate(items: Sequence[Item]) -> Batch:
    """Stack what was decoded and keep the rest by name of position."""
    good = [item for item in items if item.pixels is not None]
    pixels = torch.stack([item.pixels for item in good if item.pixels is not None]) if good else None
    damaged = [(item.position, item.problem) for item in items if item.pixels is None]
    return Batch(pixels, [item.position for item in good], damaged)

"""The quickstart sets of detection and segmentation, in the formats of COCO and ADE20K."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.sets.coco import Instance, write_coco
from bench.sets.scenes import Shape, scenes
from bench.sets.writing import Pixels, Tally, untold, write_ade20k

IMAGES = 4
QUALITY = 95
ADE_CLASSES, COCO_CLASSES = 150, 80


def make_ade20k(
    root: Path, tally: Tally = untold, *, images: int = IMAGES, classes: int = ADE_CLASSES, seed: int = 0
) -> None:
    """Write scenes as `write_ade20k` does."""
    write_ade20k(root, _labelled(images, classes, seed), QUALITY, tally)


def make_coco(
    root: Path, tally: Tally = untold, *, images: int = IMAGES, classes: int = COCO_CLASSES, seed: int = 0
) -> None:
    """Write scenes as `write_coco` does."""
    pictures = (
        (scene.pixels, [_instance(shape) for shape in scene.shapes])
        for scene in scenes(images, classes, seed)
    )
    write_coco(root, pictures, QUALITY, tally)


def _labelled(images: int, classes: int, seed: int) -> Iterator[tuple[Pixels, Pixels]]:
    for scene in scenes(images, classes, seed):
        values = np.zeros(scene.pixels.shape[:2], dtype=np.uint8)
        for shape in scene.shapes:
            values[shape.visible] = shape.number + 1
        yield scene.pixels, values


def _instance(shape: Shape) -> Instance:
    xs, ys = zip(*shape.corners, strict=True)
    return Instance(shape.number, shape.visible, (min(xs), min(ys), max(xs), max(ys)), shape.corners)

"""The sets of drawn shapes, for classification, detection and segmentation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.sets.coco import Instance, write_coco
from bench.sets.writing import Pixels, Tally, write_ade20k, write_classes
from bench.shapes import CLASSES, MATERIALS, Scene, object_image, scene

IMAGES, SCENES = 1000, 120
QUALITY = 92


def make_classes(folder: Path, tally: Tally) -> None:
    """Write 1,000 pictures of the split `val` in folders of the ten classes."""
    write_classes(folder, _objects(), QUALITY, tally)


def make_coco(root: Path, tally: Tally) -> None:
    """Write 120 scenes of the split `val`; a class of ours is the category of COCO at the same place."""
    pictures = (
        (drawn.pixels, [Instance(item.label, item.mask, item.box) for item in drawn.items])
        for drawn in _scenes()
    )
    write_coco(root, pictures, QUALITY, tally)


def make_ade20k(root: Path, tally: Tally) -> None:
    """Write 120 scenes of the split `val` with their labels as `labels` has them."""
    write_ade20k(root, ((drawn.pixels, labels(drawn)) for drawn in _scenes()), QUALITY, tally)


def labels(drawn: Scene) -> Pixels:
    """Return the number of every pixel (height, width): materials from 1, then classes, 0 along the edges.

    An edge is where an object ends, 1 px to both sides: which of both is seen there, nobody could tell.
    """
    values = drawn.ground + np.uint8(1)
    owner = np.zeros(values.shape, dtype=np.uint8)
    for place, item in enumerate(drawn.items, start=1):
        values[item.mask] = len(MATERIALS) + 1 + item.label
        owner[item.mask] = place
    edge = np.zeros(values.shape, dtype=np.bool_)
    down, across = owner[1:] != owner[:-1], owner[:, 1:] != owner[:, :-1]
    edge[1:] |= down
    edge[:-1] |= down
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    values[edge] = 0
    return values


def _objects() -> Iterator[tuple[str, Pixels]]:
    for index in range(IMAGES):
        pixels, label = object_image("val", index)
        yield f"{CLASSES[label]}/{index:04d}", pixels


def _scenes() -> Iterator[Scene]:
    return (scene("val", index) for index in range(SCENES))

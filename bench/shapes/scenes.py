"""Scenes of several objects, some before others, for detection and segmentation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.shapes.camera import develop, light
from bench.shapes.clutter import fragment, patch, strip
from bench.shapes.figures import distance, fill, random_pose, shade, waves
from bench.shapes.grounds import ground
from bench.shapes.outlines import CLASSES
from bench.shapes.stream import Plane, Split, Stream

HEIGHTS_PX, WIDTHS_PX = (96, 160), (128, 224)
ITEMS = 6
VISIBLE_PX = 80
VISIBLE_PERCENT = 40
NOBODY = -1


@dataclass(frozen=True)
class Item:
    """One object of a scene: its class, visible pixels (height, width), and the box around them.

    A box is left, top, right, bottom in px; right and bottom are excluded.
    """

    label: int
    mask: NDArray[np.bool_]
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class Scene:
    """Pixels (height, width, 3), objects from back to front, and the ground's material everywhere."""

    pixels: NDArray[np.uint8]
    items: tuple[Item, ...]
    ground: NDArray[np.uint8]


@dataclass(frozen=True)
class _Drawn:
    label: int
    pixels: int


def scene(split: Split, index: int) -> Scene:
    """Return a scene of 1 to 6 objects; height 96 to 160 px, width 128 to 224 px.

    An object counts while 40 % of its pixels and 80 of them are visible. A plank or patch belongs to
    the ground, and so do broken pieces. Raises `ValueError` for an index below 0.
    """
    stream = Stream("scene", split, index)
    height, width = stream.between(*HEIGHTS_PX), stream.between(*WIDTHS_PX)
    canvas, kinds = ground(stream, height, width, stream.between(1, 3))
    for _ in range(stream.between(0, 3)):
        fragment(stream, canvas, stream.between(0, width), stream.between(0, height), stream.between(7, 14))
    owner = np.full((height, width), NOBODY, dtype=np.int8)
    drawn: list[_Drawn] = []
    wanted, labels = stream.between(1, ITEMS), _labels(split, index)
    while not (items := _visible(owner, drawn)) or len(drawn) < wanted:
        drawn.append(_object(stream, canvas, owner, next(labels), len(drawn)))
        if stream.chance(25):
            _hide(stream, canvas, owner, kinds)
    light(stream, canvas)
    return Scene(develop(stream, canvas), items, kinds)


def _labels(split: Split, index: int) -> Iterator[int]:
    """Yield the classes of a scene's objects, which ten scenes in a row share out among them."""
    block, place = divmod(index, len(CLASSES))
    # a stream of their own, the same for all ten
    stream = Stream("classes", split, block)
    while True:
        yield stream.order(len(CLASSES))[place]


def _object(stream: Stream, canvas: Plane, owner: NDArray[np.int8], label: int, number: int) -> _Drawn:
    height, width, _ = canvas.shape
    radius = stream.between(10, min(height, width) * 30 // 100)
    x, y = stream.between(radius // 2, width - radius // 2), stream.between(radius // 2, height - radius // 2)
    pose = random_pose(stream, CLASSES[label], x, y, radius)
    window = pose.window(height, width)
    moved = waves(stream, pose, window, stream.between(15, 80))
    if stream.chance(60):
        shade(stream, canvas, pose, window, moved)
    inside = distance(pose, window, moved)
    fill(stream, canvas, pose, window, inside)
    owner[window][inside >= 0] = number
    return _Drawn(label, int((inside >= 0).sum()))


def _hide(stream: Stream, canvas: Plane, owner: NDArray[np.int8], kinds: NDArray[np.uint8]) -> None:
    height, width, _ = canvas.shape
    lay = strip if stream.chance(50) else patch
    covered = lay(stream, canvas, stream.between(0, width), stream.between(0, height), stream.between(3, 9))
    owner[covered.mask] = NOBODY
    kinds[covered.mask] = covered.material


def _visible(owner: NDArray[np.int8], drawn: Sequence[_Drawn]) -> tuple[Item, ...]:
    items = []
    for number, thing in enumerate(drawn):
        mask: NDArray[np.bool_] = owner == number
        count = int(mask.sum())
        if count >= VISIBLE_PX and count * 100 >= thing.pixels * VISIBLE_PERCENT:
            items.append(Item(thing.label, mask, _box(mask)))
    return tuple(items)


def _box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1

"""Pictures of one object each, for classification."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.shapes.camera import develop, light
from bench.shapes.clutter import fragment, patch, strip
from bench.shapes.figures import distance, fill, random_pose, shade, waves
from bench.shapes.grounds import ground
from bench.shapes.outlines import CLASSES
from bench.shapes.stream import Plane, Split, Stream

SIDES_PX = (72, 120)


def object_image(split: Split, index: int) -> tuple[NDArray[np.uint8], int]:
    """Return pixels (height, width, 3) with one object, and its class.

    Sides are 72 to 120 px and differ. Classes take turns: that of an index is its last digit.
    Raises `ValueError` for an index below 0.
    """
    stream, label = Stream("object", split, index), index % len(CLASSES)
    height, width = stream.between(*SIDES_PX), stream.between(*SIDES_PX)
    if width == height:
        width = height - 1 if height > SIDES_PX[0] else height + 1
    canvas, _ = ground(stream, height, width, stream.between(1, 2))
    short = min(height, width)
    for _ in range(stream.between(0, 3)):
        fragment(
            stream, canvas, stream.between(0, width), stream.between(0, height), stream.between(7, short // 6)
        )
    _object(stream, canvas, CLASSES[label])
    light(stream, canvas)
    return develop(stream, canvas), label


def _object(stream: Stream, canvas: Plane, name: str) -> None:
    height, width, _ = canvas.shape
    short = min(height, width)
    radius = short * stream.between(22, 40) // 100
    # a crop of the middle square, as classifiers see it, shows nearly all of every object
    off = short // 2 - radius * 9 // 10
    x, y = width // 2 + stream.between(-off, off), height // 2 + stream.between(-off, off)
    pose = random_pose(stream, name, x, y, radius)
    window = pose.window(height, width)
    moved = waves(stream, pose, window, stream.between(15, 80))
    if stream.chance(60):
        shade(stream, canvas, pose, window, moved)
    fill(stream, canvas, pose, window, distance(pose, window, moved))
    for hide, percent in ((strip, 30), (patch, 30)):
        if stream.chance(percent):
            near_x, near_y = (middle + stream.between(-radius, radius) for middle in (x, y))
            hide(stream, canvas, near_x, near_y, max(2, radius * stream.between(10, 24) // 100))

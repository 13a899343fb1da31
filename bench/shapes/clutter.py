"""What lies before and behind shapes: planks and patches of a material, and broken pieces of shapes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.shapes.angles import ONE, TURN, cosine, sine
from bench.shapes.figures import PX, Window, blend, cover, distance, fill, random_pose, waves
from bench.shapes.materials import MATERIALS, texture
from bench.shapes.outlines import CLASSES
from bench.shapes.stream import Plane, Stream


@dataclass(frozen=True)
class Cover:
    """What a piece of clutter hides (height, width), and the material it is of."""

    mask: NDArray[np.bool_]
    material: int


def strip(stream: Stream, canvas: Plane, x: int, y: int, half_px: int) -> Cover:
    """Lay a plank across the whole canvas, through (x, y)."""
    height, width, _ = canvas.shape
    angle = stream.between(0, TURN - 1)
    columns = np.arange(width, dtype=np.int32) - x
    rows = np.arange(height, dtype=np.int32)[:, None] - y
    side = (cosine(angle) * columns + sine(angle) * rows) // (ONE // PX)
    return _lay(stream, canvas, Window(slice(0, height), slice(0, width)), half_px * PX - abs(side))


def patch(stream: Stream, canvas: Plane, x: int, y: int, radius: int) -> Cover:
    """Lay an uneven patch, such as a stone or a leaf, over the canvas at (x, y)."""
    height, width, _ = canvas.shape
    pose = random_pose(stream, "disc_red", x, y, radius)
    window = pose.window(height, width)
    return _lay(stream, canvas, window, distance(pose, window, waves(stream, pose, window, 420)))


def fragment(stream: Stream, canvas: Plane, x: int, y: int, radius: int) -> None:
    """Paint a piece of any shape, broken off so that at most half is left."""
    height, width, _ = canvas.shape
    pose = random_pose(stream, CLASSES[stream.between(0, len(CLASSES) - 1)], x, y, radius)
    window = pose.window(height, width)
    inside = distance(pose, window, waves(stream, pose, window, 60))
    angle = stream.between(0, TURN - 1)
    columns = np.arange(window.columns.start, window.columns.stop, dtype=np.int32) - x
    rows = np.arange(window.rows.start, window.rows.stop, dtype=np.int32)[:, None] - y
    beyond = (cosine(angle) * columns + sine(angle) * rows) // (ONE // PX) - stream.between(
        0, radius * PX // 3
    )
    fill(stream, canvas, pose, window, np.minimum(inside, beyond))


def _lay(stream: Stream, canvas: Plane, window: Window, inside: Plane) -> Cover:
    material = stream.between(0, len(MATERIALS) - 1)
    height, width = inside.shape
    painted = texture(stream, material, height, width) * stream.between(170, 256) >> 8
    # its shadow, then itself
    below = canvas[window]
    below -= below * cover(inside + 2 * PX, 4)[..., None] * stream.between(60, 120) >> 16
    blend(canvas, window, painted, cover(inside))
    mask = np.zeros(canvas.shape[:2], dtype=np.bool_)
    mask[window] = inside >= 0
    return Cover(mask, material)

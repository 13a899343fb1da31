"""Grounds of one to three materials."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.shapes.angles import ONE, TURN, cosine, sine
from bench.shapes.materials import MATERIALS, texture
from bench.shapes.noise import octaves
from bench.shapes.stream import Plane, Stream


def ground(stream: Stream, height: int, width: int, materials: int) -> tuple[Plane, NDArray[np.uint8]]:
    """Return a canvas (height, width, 3) of that many different materials, and the material of each pixel."""
    order = stream.order(len(MATERIALS))[:materials]
    canvas = texture(stream, order[0], height, width)
    kinds = np.full((height, width), order[0], dtype=np.uint8)
    for number in order[1:]:
        beyond = _beyond(stream, height, width)
        canvas = np.where(beyond[..., None], texture(stream, number, height, width), canvas)
        kinds[beyond] = number
    return canvas, kinds


def _beyond(stream: Stream, height: int, width: int) -> NDArray[np.bool_]:
    """Return one side of an uneven line across the picture."""
    angle = stream.between(0, TURN - 1)
    x = np.arange(width, dtype=np.int32) - stream.between(width // 4, width * 3 // 4)
    y = np.arange(height, dtype=np.int32)[:, None] - stream.between(height // 4, height * 3 // 4)
    bend = octaves(stream, height, width, (30, 30, 3), (8, 8, 1)) - 128
    side: NDArray[np.bool_] = (cosine(angle) * x + sine(angle) * y) // ONE + bend * stream.between(
        0, 24
    ) // 128 > 0
    return side

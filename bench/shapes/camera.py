"""What light and a camera do to a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.shapes.angles import ONE, TURN, cosine, sine
from bench.shapes.noise import value_noise
from bench.shapes.stream import Plane, Stream


def light(stream: Stream, canvas: Plane) -> None:
    """Light the canvas (height, width, 3) from one side, with soft shadows of what is not seen, in place."""
    height, width, _ = canvas.shape
    angle, slope, depth = stream.between(0, TURN - 1), stream.between(0, 70), stream.between(0, 110)
    x = (np.arange(width, dtype=np.int32) * 2 - width) * 128 // width
    y = ((np.arange(height, dtype=np.int32) * 2 - height) * 128 // height)[:, None]
    gain = 256 + (cosine(angle) * x + sine(angle) * y) // ONE * slope // 128
    cell = stream.between(20, 60)
    gain = gain + (value_noise(stream, height, width, cell, cell) - 128) * depth // 128
    canvas *= gain.astype(np.int32)[..., None]
    canvas >>= 8


def develop(stream: Stream, canvas: Plane) -> NDArray[np.uint8]:
    """Return the pixels (height, width, 3) that a camera makes: blur, exposure, colour cast and noise."""
    for _ in range(stream.between(0, 2)):
        canvas = _blurred(canvas)
    exposure, haze, grain = stream.between(190, 290), stream.between(0, 40), stream.between(2, 22)
    cast = np.array(stream.colour(-12, 12), dtype=np.int32)
    noise = stream.octets(*canvas.shape) + stream.octets(*canvas.shape) - 255
    pixels = (canvas * (exposure + cast) * (256 - haze) >> 16) + haze // 2 + (noise * grain >> 8)
    developed: NDArray[np.uint8] = pixels.clip(0, 255).astype(np.uint8)
    return developed


def _blurred(canvas: Plane) -> Plane:
    """Return the canvas through a filter 1 2 1 in both directions; borders are repeated."""
    framed = np.pad(canvas, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows = framed[:-2] + 2 * framed[1:-1] + framed[2:]
    blurred: Plane = rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:] >> 4
    return blurred

"""Smooth random planes, by interpolation between random values on a lattice."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from bench.shapes.stream import Plane, Stream

Octave = tuple[int, int, int]  # height and width of a cell in px, weight


def value_noise(stream: Stream, height: int, width: int, cell_y: int, cell_x: int) -> Plane:
    """Return a plane (height, width) from 0 to 255 that varies over cells of `cell_y` x `cell_x` px."""
    rows = np.arange(height) + stream.between(0, cell_y - 1)
    columns = np.arange(width) + stream.between(0, cell_x - 1)
    lattice = stream.octets(height // cell_y + 3, width // cell_x + 3)
    row, column = rows // cell_y, columns // cell_x
    down, across = _weights(cell_y)[rows % cell_y][:, None], _weights(cell_x)[columns % cell_x]
    bands: Plane = lattice[row] * (256 - down) + lattice[row + 1] * down
    mixed: Plane = (bands[:, column] * (256 - across) + bands[:, column + 1] * across) >> 16
    return mixed


def octaves(stream: Stream, height: int, width: int, *parts: Octave) -> Plane:
    """Return the weighted mean of several `value_noise` planes, 0 to 255."""
    total = np.zeros((height, width), dtype=np.int32)
    for cell_y, cell_x, weight in parts:
        total += weight * value_noise(stream, height, width, cell_y, cell_x)
    mean: Plane = total // sum(weight for _, _, weight in parts)
    return mean


@lru_cache(maxsize=256)
def _weights(cell: int) -> Plane:
    """Return how far each pixel of a cell is on its way to the next value, 0 to 256, with soft ends."""
    steps = [256 * (3 * cell - 2 * place) * place * place // cell**3 for place in range(cell)]
    return np.array(steps, dtype=np.int32)

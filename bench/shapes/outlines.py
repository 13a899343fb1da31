"""The ten outlines, as distances from their edges.

Two pairs test what a picture is read with: `ess` and `zed` are mirror images of each other, and
`disc_blue` and `disc_red` differ in the colour of their rims alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bench.shapes.angles import ONE, TURN, cosine, sine
from bench.shapes.stream import Plane

UNIT = 1024  # the radius of a shape
STEP = 32  # between two points of a field
REACH = 56  # points from the middle of a field to its end
Grid = NDArray[np.float64]
Point = tuple[int, int]
Outline = Callable[[Grid, Grid], Grid]


def _polygon(corners: Sequence[Point]) -> Outline:
    def distance(x: Grid, y: Grid) -> Grid:
        nearest, inside = np.full(x.shape, np.inf), np.zeros(x.shape, dtype=bool)
        for (ax, ay), (bx, by) in zip(corners, (*corners[1:], corners[0]), strict=True):
            dx, dy = float(bx - ax), float(by - ay)
            along = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)).clip(0.0, 1.0)
            off_x, off_y = x - ax - along * dx, y - ay - along * dy
            nearest = np.minimum(nearest, off_x * off_x + off_y * off_y)
            if ay != by:
                inside ^= ((ay > y) != (by > y)) & (x < (y - ay) * dx / dy + ax)
        signed: Grid = np.where(inside, np.sqrt(nearest), -np.sqrt(nearest))
        return signed

    return distance


def _disc(radius: int, left: int = 0) -> Outline:
    def distance(x: Grid, y: Grid) -> Grid:
        inside: Grid = radius - np.sqrt((x - left) * (x - left) + y * y)
        return inside

    return distance


def _crescent(x: Grid, y: Grid) -> Grid:
    return np.minimum(_disc(1060, -150)(x, y), -_disc(860, 280)(x, y))


def _around(*radii: int, times: int) -> list[Point]:
    """Return corners at the given radii in turn, evenly around the middle."""
    count = times * len(radii)
    angles = [TURN * number * 4 // count for number in range(count)]  # in quarters of a step
    return [
        (
            radii[number % len(radii)] * _fine(sine, angle) // ONE,
            -radii[number % len(radii)] * _fine(cosine, angle) // ONE,
        )
        for number, angle in enumerate(angles)
    ]


def _fine(function: Callable[[int], int], quarters: int) -> int:
    low, part = divmod(quarters, 4)
    return (function(low) * (4 - part) + function(low + 1) * part) // 4


_PLUS = ((-330, -1080), (330, -1080), (330, -330), (1080, -330), (1080, 330), (330, 330))
_ESS = (
    (-350, -760),
    (1130, -760),
    (1130, 20),
    (350, 20),
    (350, 760),
    (-1130, 760),
    (-1130, -20),
    (-350, -20),
)

OUTLINES: Mapping[str, Outline] = {
    "crescent": _crescent,
    "cross": _polygon((*_PLUS, *((-x, -y) for x, y in _PLUS))),
    "disc_blue": _disc(930),
    "disc_red": _disc(930),
    "ess": _polygon(_ESS),
    "hexagon": _polygon(_around(1010, times=6)),
    "pentagon": _polygon(_around(1060, times=5)),
    "star_five": _polygon(_around(1260, 620, times=5)),
    "star_six": _polygon(_around(1220, 660, times=6)),
    "zed": _polygon([(-x, y) for x, y in _ESS]),
}
CLASSES: tuple[str, ...] = tuple(sorted(OUTLINES))
# colour of the rim where it belongs to the class: the place of its strongest channel
RIMS: Mapping[str, int] = {"disc_blue": 2, "disc_red": 0}


@cache
def field(name: str) -> Plane:
    """Return the distance from the edge of an outline on a grid (y, x), positive inside.

    Distances and the grid's step are in 1 / 1024 of the shape's radius; the middle is its origin.
    """
    places = np.arange(-REACH, REACH + 1).astype(np.float64) * STEP
    x, y = np.meshgrid(places, places)
    plane: Plane = np.floor(OUTLINES[name](x, y)).astype(np.int32)
    plane.setflags(write=False)
    return plane

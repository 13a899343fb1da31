"""One shape on a picture: where it lies, what it covers, how it is painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bench.shapes.angles import ONE, TURN, cosine, sine
from bench.shapes.materials import MATERIALS, texture
from bench.shapes.noise import octaves, value_noise
from bench.shapes.outlines import REACH, RIMS, STEP, UNIT, field
from bench.shapes.stream import Plane, Stream

PX = 256  # distances are in 1 / 256 px
MOST = 150  # percent of its radius that a shape and its shadow reach


class Window(NamedTuple):
    """A part of a picture."""

    rows: slice
    columns: slice


@dataclass(frozen=True)
class Pose:
    """An outline at (x, y) px: radius in px, angle (256 are a turn), width and height in percent."""

    name: str
    x: int
    y: int
    radius: int
    angle: int
    wide: int = 100
    tall: int = 100

    def window(self, height: int, width: int) -> Window:
        """Return the part of a picture of this size that the shape and its shadow can reach."""
        reach = self.radius * MOST // 100 + 2
        return Window(_clipped(self.y, reach, height), _clipped(self.x, reach, width))


def random_pose(stream: Stream, name: str, x: int, y: int, radius: int) -> Pose:
    """Return an outline at a place, turned by up to 45 degrees and stretched by up to 10 %."""
    angle = stream.between(-TURN // 8, TURN // 8)
    return Pose(name, x, y, radius, angle, stream.between(90, 110), stream.between(90, 110))


def waves(stream: Stream, pose: Pose, window: Window, strength: int) -> tuple[Plane, Plane]:
    """Return how far each pixel of a window is moved (x, y) so that edges are uneven, in 1 / 1024 radius."""
    height, width = _size(window)
    cell = max(3, pose.radius * 2 // 3)
    planes = [value_noise(stream, height, width, cell, cell) for _ in range(2)]
    return (planes[0] - 128) * strength >> 7, (planes[1] - 128) * strength >> 7


def distance(
    pose: Pose, window: Window, moved: tuple[Plane, Plane], offset: tuple[int, int] = (0, 0)
) -> Plane:
    """Return the distance of every pixel of a window from the edge, in 1 / 256 px, positive inside."""
    x = np.arange(window.columns.start, window.columns.stop, dtype=np.int32)[None, :] - pose.x - offset[0]
    y = np.arange(window.rows.start, window.rows.stop, dtype=np.int32)[:, None] - pose.y - offset[1]
    scale_x, scale_y = pose.radius * pose.wide, pose.radius * pose.tall
    cos, sin = cosine(pose.angle) * UNIT * 100, sine(pose.angle) * UNIT * 100
    across = ((cos // scale_x * x + sin // scale_x * y) // ONE + moved[0]).astype(np.int32)
    down = ((cos // scale_y * y - sin // scale_y * x) // ONE + moved[1]).astype(np.int32)
    return _sample(field(pose.name), across, down) * pose.radius // (UNIT // PX)


def cover(distance_px: Plane, soft_px: int = 1) -> Plane:
    """Return how much of each pixel lies inside, 0 to 256, over an edge `soft_px` wide."""
    covered: Plane = (distance_px // soft_px + PX // 2).clip(0, PX)
    return covered


def blend(canvas: Plane, window: Window, colour: Plane, alpha: Plane) -> None:
    """Lay colours over a part of the canvas (height, width, 3), in place."""
    below = canvas[window]
    below += (colour - below) * alpha[..., None] >> 8


def shade(stream: Stream, canvas: Plane, pose: Pose, window: Window, moved: tuple[Plane, Plane]) -> None:
    """Darken the canvas where a shape throws its shadow."""
    throw = max(2, pose.radius // 6)
    offset = (stream.between(-throw, throw), stream.between(-throw, throw))
    alpha = cover(distance(pose, window, moved, offset), stream.between(2, 5))
    below = canvas[window]
    below -= below * alpha[..., None] * stream.between(40, 130) >> 16


def fill(stream: Stream, canvas: Plane, pose: Pose, window: Window, inside: Plane) -> None:
    """Paint what lies inside, and its rim: always where the class has one, else often."""
    tone = _tones(stream, pose, window, inside)
    painted = _surface(stream, canvas[window]) + tone[..., None]
    if pose.name in RIMS or stream.chance(60):
        rim = np.array(_rim_colour(stream, pose.name), dtype=np.int32)
        band = pose.radius * PX * stream.between(14, 24) // 100
        on_rim = cover(band - inside)[..., None]
        painted += (rim + tone[..., None] // 2 - painted) * on_rim >> 8
    blend(canvas, window, painted, cover(inside))


def _clipped(middle: int, reach: int, side: int) -> slice:
    start = min(max(middle - reach, 0), side - 1)
    return slice(start, max(start + 1, min(middle + reach + 1, side)))


def _size(window: Window) -> tuple[int, int]:
    return window.rows.stop - window.rows.start, window.columns.stop - window.columns.start


def _sample(plane: Plane, across: Plane, down: Plane) -> Plane:
    """Return a field between its points, by the four around each."""
    last = (2 * REACH) * STEP - 1
    across, down = (across + REACH * STEP).clip(0, last), (down + REACH * STEP).clip(0, last)
    part_x, part_y = across % STEP, down % STEP
    side = 2 * REACH + 1
    flat, first = plane.ravel(), down // STEP * side + across // STEP
    upper = flat[first] * (STEP - part_x) + flat[first + 1] * part_x
    lower = flat[first + side] * (STEP - part_x) + flat[first + side + 1] * part_x
    mixed: Plane = (upper * (STEP - part_y) + lower * part_y) // (STEP * STEP)
    return mixed


def _mean(pixels: Plane) -> tuple[int, int, int]:
    sums = pixels.sum(axis=(0, 1), dtype=np.int64)
    count = pixels.shape[0] * pixels.shape[1]
    return int(sums[0]) // count, int(sums[1]) // count, int(sums[2]) // count


def _surface(stream: Stream, behind: Plane) -> Plane:
    """Return one colour that stands out, or pixels of a material that may be the one behind."""
    if stream.chance(15):
        number = stream.between(0, len(MATERIALS) - 1)
        return texture(stream, number, behind.shape[0], behind.shape[1]) * stream.between(160, 290) >> 8
    return np.array(_apart(stream, _mean(behind)), dtype=np.int32)


def _apart(stream: Stream, backdrop: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return a colour that differs from the backdrop, from barely to strongly."""
    least = stream.between(70, 190)
    while True:
        colour = _faded(stream.colour(15, 240), stream.between(0, 60))
        if sum(abs(one - other) for one, other in zip(colour, backdrop, strict=True)) >= least:
            return colour


def _faded(colour: tuple[int, int, int], percent: int) -> tuple[int, int, int]:
    """Return a colour that far on its way to grey."""
    grey = sum(colour) // 3
    red, green, blue = (channel + (grey - channel) * percent // 100 for channel in colour)
    return red, green, blue


def _rim_colour(stream: Stream, name: str) -> tuple[int, int, int]:
    """Return a reddish or bluish colour, or any other on shapes whose rims say nothing."""
    if name not in RIMS and stream.chance(40):
        return stream.colour(20, 235)
    strong = stream.between(140, 230)
    weak, green = stream.between(15, strong - 95), stream.between(20, strong - 60)
    channel = RIMS[name] if name in RIMS else 2 * stream.between(0, 1)
    return (strong, green, weak) if channel == 0 else (weak, green, strong)


def _tones(stream: Stream, pose: Pose, window: Window, inside: Plane) -> Plane:
    """Return what is added to the colour of a shape: light from one side, a pattern, a rounded edge."""
    height, width = _size(window)
    angle = stream.between(0, TURN - 1)
    x, y = (
        np.arange(width, dtype=np.int32) - width // 2,
        np.arange(height, dtype=np.int32)[:, None] - height // 2,
    )
    slope = (cosine(angle) * x + sine(angle) * y) // ONE * stream.between(0, 30) // pose.radius
    pattern = stream.between(0, 2)
    strength = stream.between(20, 60)
    if pattern == 0:
        cell = stream.between(2, 6)
        slope = (
            slope
            + (octaves(stream, height, width, (cell, cell, 2), (3 * cell, 3 * cell, 1)) - 128)
            * strength
            // 64
        )
    if pattern == 1:
        period, turn = stream.between(4, 10), stream.between(0, TURN - 1)
        line = (cosine(turn) * x + sine(turn) * y) // ONE
        slope = slope + np.where(line % period < period // 2, strength // 2, -strength // 2)
    depth = stream.between(1, 4) * PX
    rounded: Plane = (inside.clip(0, depth) - depth) * stream.between(0, 40) // depth
    toned: Plane = (slope + rounded).astype(np.int32)
    return toned

"""Grounds of five materials, each of a pattern and colours of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bench.shapes.noise import octaves, value_noise
from bench.shapes.stream import Plane, Stream

Colour = tuple[int, int, int]
Pattern = Callable[[Stream, int, int], Plane]


@dataclass(frozen=True)
class Material:
    """How bright a ground is, 0 to 255, and the colours of 0, 128 and 255."""

    pattern: Pattern
    dark: Colour
    middle: Colour
    bright: Colour


def _brick(stream: Stream, height: int, width: int) -> Plane:
    tall, joint = stream.between(8, 15), stream.between(1, 2)
    long = tall * stream.between(18, 26) // 10
    rows = np.arange(height)[:, None] + stream.between(0, 99)
    columns = np.arange(width)[None, :] + (rows // tall) % 2 * (long // 2) + stream.between(0, 99)
    tones = stream.octets(32, 64)[(rows // tall) % 32, (columns // long) % 64]
    grain = octaves(stream, height, width, (2, 2, 2), (7, 7, 1))
    stones = 40 + tones // 4 + grain // 4
    mortar = (rows % tall < joint) | (columns % long < joint)
    brick: Plane = np.where(mortar, 190 + grain // 4, stones)
    return brick


def _grass(stream: Stream, height: int, width: int) -> Plane:
    blade = stream.between(1, 2)
    return octaves(stream, height, width, (6 * blade, blade + 1, 4), (3, 1, 3), (24, 24, 3))


def _sand(stream: Stream, height: int, width: int) -> Plane:
    ripple = stream.between(4, 8)
    return octaves(stream, height, width, (1, 1, 2), (3, 3, 2), (ripple, 5 * ripple, 2), (40, 40, 3))


def _water(stream: Stream, height: int, width: int) -> Plane:
    wave = stream.between(3, 6)
    surface = octaves(stream, height, width, (wave, 4 * wave, 3), (2, 7, 1))
    crest = 255 - 4 * abs(surface - 128)
    water: Plane = (crest.clip(0, 255) + value_noise(stream, height, width, 30, 50)) // 2
    return water


def _wood(stream: Stream, height: int, width: int) -> Plane:
    plank, period = stream.between(14, 30), stream.between(5, 11)
    columns = np.arange(width)[None, :] + stream.between(0, 99)
    bend = value_noise(stream, height, width, 48, 12)
    fibre = octaves(stream, height, width, (17, 2, 1), (9, 1, 1))
    phase = (8 * columns + bend) % (8 * period)
    ring = abs(phase - 4 * period) * 255 // (4 * period)
    shade = stream.octets(64)[(columns // plank) % 64] // 4
    tone = (ring + 2 * fibre) // 4 + shade
    wood: Plane = np.where(columns % plank == 0, tone // 4, tone)
    return wood


_TABLE: Mapping[str, Material] = {
    "brick": Material(_brick, (92, 46, 38), (156, 92, 74), (202, 194, 182)),
    "grass": Material(_grass, (26, 48, 20), (86, 116, 50), (176, 186, 104)),
    "sand": Material(_sand, (118, 96, 70), (186, 160, 122), (232, 214, 184)),
    "water": Material(_water, (20, 50, 78), (62, 112, 136), (188, 212, 218)),
    "wood": Material(_wood, (62, 38, 24), (142, 100, 64), (204, 166, 120)),
}
MATERIALS: tuple[str, ...] = tuple(sorted(_TABLE))


def texture(stream: Stream, number: int, height: int, width: int) -> Plane:
    """Return pixels (height, width, 3), 0 to 255, of a material, by its place in `MATERIALS`."""
    material = _TABLE[MATERIALS[number]]
    tones = material.pattern(stream, height, width).clip(0, 255)
    pixels: Plane = _colours(stream, material)[tones]
    return pixels


def _colours(stream: Stream, material: Material) -> Plane:
    """Return the colour (256, 3) of every brightness, each time a little different."""
    light, shift = stream.between(-30, 30), np.array(stream.colour(-14, 14))
    stops = np.array([material.dark, material.middle, material.bright]) + light + shift
    place = np.arange(256)[:, None]
    lower = stops[0] + (stops[1] - stops[0]) * place // 128
    upper = stops[1] + (stops[2] - stops[1]) * (place - 128) // 127
    table: Plane = np.where(place < 128, lower, upper).clip(0, 255).astype(np.int32)
    return table

"""Small scenes of coloured shapes, the same everywhere, with what a detector and a segmentor should find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIDES_PX = (96, 161)
SHAPES = 4
GREY = 110


@dataclass(frozen=True)
class Shape:
    """A polygon of one class: corners (x, y) in pixels, and its visible pixels (height, width)."""

    number: int
    corners: tuple[tuple[int, int], ...]
    visible: NDArray[np.bool_]


@dataclass(frozen=True)
class Scene:
    """Pixels (height, width, 3), and the shapes in them; later ones lie over earlier ones."""

    pixels: NDArray[np.uint8]
    shapes: tuple[Shape, ...]


def scenes(count: int, classes: int, seed: int = 0) -> Iterator[Scene]:
    """Yield scenes whose shapes are of the classes 0 to `classes` - 1; the second scene is empty.

    A class has a colour of its own, so that a small network can learn it.
    """
    # the one generator of NumPy whose numbers are promised never to change
    random = np.random.RandomState(seed)
    for index in range(count):
        height, width = (int(side) for side in random.randint(*SIDES_PX, size=2))
        noise = random.randint(-12, 13, size=(height, width, 3))
        wanted = 0 if index == 1 else int(random.randint(1, SHAPES + 1))
        yield _scene(random, noise, [int(random.randint(classes)) for _ in range(wanted)])


def colour(number: int) -> tuple[int, int, int]:
    """Return the colour (red, green, blue) of a class."""
    return 40 + number * 67 % 211, 40 + number * 131 % 211, 40 + number * 29 % 211


def _scene(random: np.random.RandomState, noise: NDArray[np.int64], numbers: list[int]) -> Scene:
    height, width, _ = noise.shape
    canvas = Image.new("RGB", (width, height), (GREY, GREY, GREY))
    owner = np.full((height, width), -1)
    corners = [_corners(random, width, height) for _ in numbers]
    for index, number in enumerate(numbers):
        ImageDraw.Draw(canvas).polygon(corners[index], fill=colour(number))
        mask = Image.new("1", (width, height))
        ImageDraw.Draw(mask).polygon(corners[index], fill=1)
        owner[np.asarray(mask)] = index
    pixels = (np.asarray(canvas).astype(np.int64) + noise).clip(0, 255).astype(np.uint8)
    shapes = (Shape(number, corners[index], owner == index) for index, number in enumerate(numbers))
    return Scene(pixels, tuple(shape for shape in shapes if shape.visible.sum() >= 64))


def _corners(random: np.random.RandomState, width: int, height: int) -> tuple[tuple[int, int], ...]:
    across, down = int(random.randint(24, width // 2 + 12)), int(random.randint(24, height // 2 + 12))
    left, top = int(random.randint(0, width - across)), int(random.randint(0, height - down))
    right, bottom, middle = left + across, top + down, left + across // 2
    if random.randint(2):
        return (middle, top), (right, bottom), (left, bottom)
    return (left, top), (right, top), (right, bottom), (left, bottom)

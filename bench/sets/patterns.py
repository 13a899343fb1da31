"""Makes the quickstart images: ten procedural classes, the same everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.sets.writing import Tally, write_classes

Plane = NDArray[np.int64]
Pattern = Callable[[Plane, Plane, int], Plane]
IMAGES_PER_CLASS = 8
QUALITY = 90

# Integers only: the last digit of a sine differs between machines, and a pixel with it.
# Each maps coordinates and a period (px) to brightness, 0 to 255.
PATTERNS: Mapping[str, Pattern] = {
    "checks": lambda y, x, period: (y // period + x // period) % 2 * 255,
    "columns": lambda _y, x, period: x // period % 2 * 255,
    "crosses": lambda y, x, period: np.where((y % (2 * period) < 8) | (x % (2 * period) < 8), 255, 0),
    "diagonals": lambda y, x, period: (y + x) // period % 2 * 255,
    "dots": lambda y, x, period: np.where(_radius(y, x, period) < period * period // 8, 255, 0),
    "ramps": lambda y, x, period: (3 * y + x) % (8 * period) * 255 // (8 * period),
    "rings": lambda y, x, period: ((y - 128) ** 2 + (x - 128) ** 2) // (period * 64) % 2 * 255,
    "rows": lambda y, _x, period: y // period % 2 * 255,
    "squares": lambda y, x, period: np.maximum(abs(y - 128), abs(x - 128)) // period % 2 * 255,
    "weave": lambda y, x, period: (y // period) * (x // period) % 3 * 127,
}


def quickstart_images() -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield `class/name` and pixels (height, width, 3) of every image, in order; sides 224 to 300 px."""
    # the one generator of NumPy whose numbers are promised never to change
    random = np.random.RandomState(0)
    for name, pattern in PATTERNS.items():
        for number in range(IMAGES_PER_CLASS):
            yield f"{name}/{number:02d}", _draw(pattern, random)


def make_classes(folder: Path, tally: Tally) -> None:
    """Write all images in folders of their classes."""
    write_classes(folder, quickstart_images(), QUALITY, tally)


def _draw(pattern: Pattern, random: np.random.RandomState) -> NDArray[np.uint8]:
    height, width = random.randint(224, 301, size=2)
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    bright = pattern(y + random.randint(64), x + random.randint(64), int(random.randint(12, 40)))[..., None]
    dark_rgb, bright_rgb = random.randint(0, 128, size=3), random.randint(128, 256, size=3)
    noise = random.randint(-20, 21, size=(height, width, 1))
    mixed = (bright * bright_rgb + (255 - bright) * dark_rgb) // 255 + noise
    return mixed.clip(0, 255).astype(np.uint8)


def _radius(y: Plane, x: Plane, period: int) -> Plane:
    squared: Plane = (y % period - period // 2) ** 2 + (x % period - period // 2) ** 2
    return squared

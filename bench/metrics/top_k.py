"""Arithmetic of top-k accuracy, from counts."""

from __future__ import annotations

import math


def percent(correct: int, images: int) -> float:
    """Return correct images in percent; `images` must be positive and not below `correct`.

    The integer product comes first, so the result is the double nearest to the exact quotient.
    """
    _check(correct, images)
    return 100 * correct / images


def percent_stderr(correct: int, images: int) -> float:
    """Return the binomial standard error of `percent`, in percentage points."""
    _check(correct, images)
    share = correct / images
    return 100 * math.sqrt(share * (1 - share) / images)


def _check(correct: int, images: int) -> None:
    if not 0 <= correct <= images or images == 0:
        raise ValueError(f"{correct} correct of {images} images")

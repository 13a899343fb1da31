"""Medians and quartiles of raw samples."""

from __future__ import annotations

import math
from collections.abc import Sequence


def median(samples: Sequence[float]) -> float:
    """Return the middle value, or the mean of the two middle ones."""
    return quantile(samples, 0.5)


def quartiles(samples: Sequence[float]) -> tuple[float, float]:
    """Return the first and third quartile, interpolated linearly like `numpy.quantile`."""
    return quantile(samples, 0.25), quantile(samples, 0.75)


def relative_half_iqr(samples: Sequence[float]) -> float:
    """Return half the interquartile range as a fraction of the median."""
    low, high = quartiles(samples)
    return (high - low) / 2 / median(samples)


def quantile(samples: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the samples lie; needs one sample at least."""
    if not samples:
        raise ValueError("no samples")
    ordered = sorted(samples)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)

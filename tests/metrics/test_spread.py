"""Quartiles and medians equal numpy's."""

from __future__ import annotations

import numpy as np
import pytest

from bench.metrics.spread import median, quantile, quartiles, relative_half_iqr


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 10, 39])
def test_equal_to_numpy(number: int) -> None:
    samples = np.random.default_rng(number).random(number).tolist()
    assert median(samples) == pytest.approx(float(np.median(samples)), rel=1e-12)
    expected = np.quantile(samples, [0.25, 0.75])
    assert quartiles(samples) == pytest.approx(tuple(expected), rel=1e-12)
    half_range = float(expected[1] - expected[0]) / 2
    assert relative_half_iqr(samples) == pytest.approx(half_range / float(np.median(samples)), abs=1e-15)
    assert quantile(samples, 0.9) == pytest.approx(float(np.quantile(samples, 0.9)), rel=1e-12)


def test_the_ends_are_the_extremes() -> None:
    assert (quantile([3.0, 1.0, 2.0], 0), quantile([3.0, 1.0, 2.0], 1)) == (1.0, 3.0)


def test_no_samples_have_no_median() -> None:
    with pytest.raises(ValueError, match="no samples"):
        median([])

"""Percent and standard error from counts."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import pytest

from bench.metrics.top_k import percent, percent_stderr


def test_percent_is_the_double_nearest_to_the_exact_quotient() -> None:
    for correct in range(0, 50_001, 7):
        assert repr(percent(correct, 50_000)) == repr(float(f"{correct * 2 / 1000:.3f}"))


@pytest.mark.parametrize(("correct", "images"), [(1, 4), (8, 10), (41_371, 50_000)])
def test_stderr_is_that_of_the_mean_of_zeros_and_ones(correct: int, images: int) -> None:
    hits = [1] * correct + [0] * (images - correct)
    expected = 100 * statistics.pstdev(hits) / images**0.5
    assert percent_stderr(correct, images) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("function", [percent, percent_stderr])
@pytest.mark.parametrize(("correct", "images"), [(0, 0), (3, 2), (-1, 2)])
def test_impossible_counts_are_refused(
    function: Callable[[int, int], float], correct: int, images: int
) -> None:
    with pytest.raises(ValueError, match=f"{correct} correct of {images} images"):
        function(correct, images)

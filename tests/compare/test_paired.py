"""McNemar's test from stored bits, against values worked out independently."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bench.compare.paired import compare_bits, has_bits, mcnemar
from bench.spec.errors import UserError
from bench.spec.record import Failed, Measured, Record

MakeRecord = Callable[..., Record]


def scored(record: MakeRecord, right: np.ndarray[Any, Any], order: str = "abc", **fields: Any) -> Record:
    bits = base64.b64encode(np.packbits(right).tobytes()).decode()
    details = {"correct_top1_bits": bits, "order_digest": order}
    return record(outcome=Measured(values={"images": len(right)}, details=details), **fields)


@pytest.mark.parametrize("images", [1, 7, 8, 9, 1001])
def test_the_table_equals_the_one_from_arrays(record: MakeRecord, images: int) -> None:
    generator = np.random.default_rng(images)
    first, second = generator.random(images) < 0.8, generator.random(images) < 0.7
    found = compare_bits(scored(record, first), scored(record, second, checkpoint="mambaout_small"))
    assert (found.both, found.only_first, found.only_second, found.neither) == (
        int((first & second).sum()),
        int((first & ~second).sum()),
        int((~first & second).sum()),
        int((~first & ~second).sum()),
    )
    assert found.images == images
    assert found.changed == int((first != second).sum())


@pytest.mark.parametrize(
    ("only_first", "only_second", "p_value"),
    [(0, 0, 1.0), (1, 0, 1.0), (5, 0, 0.0625), (0, 10, 2 / 1024), (3, 3, 1.0), (2, 8, 112 / 1024)],
)
def test_exact_p_values(only_first: int, only_second: int, p_value: float) -> None:
    found, is_exact = mcnemar(only_first, only_second)
    assert is_exact
    assert found == pytest.approx(p_value, rel=1e-12)
    assert mcnemar(only_second, only_first) == mcnemar(only_first, only_second)


def test_exact_and_approximate_p_values_meet() -> None:
    exact, is_exact = mcnemar(460, 540)
    approximate, other_is_exact = mcnemar(461, 541)
    assert (is_exact, other_is_exact) == (True, False)
    assert approximate == pytest.approx(exact, rel=0.02)
    assert approximate == pytest.approx(math.erfc(79 / math.sqrt(2 * 1002)), rel=1e-12)


def test_other_images_or_another_order_are_refused(record: MakeRecord) -> None:
    right = np.ones(16, dtype=bool)
    with pytest.raises(UserError) as caught:
        compare_bits(scored(record, right), scored(record, right, order="cba"))
    name = "mambaout_tiny/imagenet/224x224/fp32/accuracy"
    assert str(caught.value) == (
        f"{name} and {name} cannot be compared image by image: "
        "they were not scored on the same images in the same order"
    )
    with pytest.raises(UserError, match="not scored on the same images"):
        compare_bits(scored(record, right), scored(record, right[:15]))


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({}, "holds no per-image results"),
        ({"correct_top1_bits": "/w==", "order_digest": None}, "holds no per-image results"),
        ({"correct_top1_bits": "not base64!", "order_digest": "abc"}, "holds damaged per-image results"),
        ({"correct_top1_bits": "////", "order_digest": "abc"}, "of another number than 5 images"),
        ({"correct_top1_bits": "/w==", "order_digest": "abc"}, "of another number than 5 images"),
    ],
)
def test_unusable_bits_are_refused(record: MakeRecord, details: dict[str, Any], words: str) -> None:
    broken = record(outcome=Measured(values={"images": 5}, details=details))
    with pytest.raises(UserError, match=words):
        compare_bits(broken, broken)


def test_only_measured_records_have_bits(record: MakeRecord) -> None:
    assert has_bits(scored(record, np.ones(3, dtype=bool)))
    assert not has_bits(record(values={"images": 3}))
    assert not has_bits(record(outcome=Failed(reason="crash", message="no")))

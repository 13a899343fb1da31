"""Verdicts at, just inside and just outside every bound, in exact decimals."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from bench.catalog.reported import Reported
from bench.compare.verdict import judge
from bench.metrics.registry import metrics

MakeReported = Callable[..., Reported]


@pytest.mark.parametrize(
    ("measured", "status", "difference"),
    [
        (82.7, "reproduced", "0.0"),
        (82.8, "reproduced", "0.1"),
        (82.6, "reproduced", "-0.1"),
        (82.801, "near", "0.101"),
        (82.599, "near", "-0.101"),
        (83.0, "near", "0.3"),
        (82.4, "near", "-0.3"),
        (83.001, "above", "0.301"),
        (82.399, "below", "-0.301"),
    ],
)
def test_top1_of_one_decimal(row: MakeReported, measured: float, status: str, difference: str) -> None:
    verdict = judge(metrics()["top1_percent"], measured, row(text="82.7"))
    assert (verdict.status, verdict.difference) == (status, Decimal(difference))
    assert verdict.tolerance == Decimal("0.10")


@pytest.mark.parametrize(
    ("text", "tolerance"), [("82.742", "0.0505"), ("82.70", "0.055"), ("82.7", "0.10"), ("83", "0.55")]
)
def test_more_printed_digits_claim_more(row: MakeReported, text: str, tolerance: str) -> None:
    metric = metrics()["top1_percent"]
    bound = Decimal(text) + Decimal(tolerance)
    assert judge(metric, float(bound), row(text=text)).status == "reproduced"
    assert judge(metric, float(bound + Decimal("0.0001")), row(text=text)).status != "reproduced"


@pytest.mark.parametrize(
    ("params", "text", "status"),
    [
        (26_545_096, "26.5", "reproduced"),
        (26_545_096, "26.55", "reproduced"),
        (26_545_096, "27", "reproduced"),
        (26_550_000, "26.5", "reproduced"),
        (26_550_001, "26.5", "above"),
        (26_449_999, "26.5", "below"),
        (28_288_354, "29", "below"),
        (5_717_416, "5", "above"),
    ],
)
def test_parameters_count_to_the_printed_digit(
    row: MakeReported, params: int, text: str, status: str
) -> None:
    assert judge(metrics()["params"], params, row(metric="params", text=text, unit="M")).status == status


@pytest.mark.parametrize(
    ("macs", "status"),
    [
        (4_640_000_000, "reproduced"),
        (4_640_000_001, "above"),
        (4_360_000_000, "reproduced"),
        (4_359_999_999, "below"),
    ],
)
def test_macs_have_two_percent_and_half_a_digit(row: MakeReported, macs: int, status: str) -> None:
    verdict = judge(metrics()["macs"], macs, row(metric="macs", text="4.5", unit="G"))
    assert (verdict.status, verdict.tolerance) == (status, Decimal("0.140"))


@pytest.mark.parametrize(
    ("metric", "measured", "text", "unit", "reason"),
    [
        ("top1_percent", 82.74, "82.7", "%", "within half a printed digit (0.05) and slack (0.05)"),
        ("top1_percent", 82.9, "82.7", "%", "within 0.3 points: look at preprocessing"),
        ("top1_percent", 80.0, "82.7", "%", "further away than 0.3 points"),
        ("params", 26_545_096, "26.5", "M", "within half a printed digit (0.05)"),
        ("params", 26_545_096, "28", "M", "further away than 0.5 M"),
        ("macs", 5_000_000_000, "4.5", "G", "further away than 0.14 G"),
    ],
)
def test_the_reason_says_which_bound_decided(
    *, row: MakeReported, metric: str, measured: float, text: str, unit: str, reason: str
) -> None:
    verdict = judge(metrics()[metric], measured, row(metric=metric, text=text, unit=unit))
    assert verdict.reason == reason

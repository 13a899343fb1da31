"""Stored values are converted exactly and written with sensible digits."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bench.metrics.metric import exact, rounded
from bench.metrics.registry import metrics
from bench.metrics.units import same_kind, stored_per, units_like


@pytest.mark.parametrize(
    ("name", "stored", "text"),
    [
        ("top1_percent", 82.742, "82.74"),
        ("top1_percent", 0.5, "0.50"),
        ("top1_stderr_percent", 0.16906, "0.17"),
        ("params", 26_545_096, "26.55"),
        ("params", 12_345, "0.0123"),
        ("macs", 4_486_000_000, "4.49"),
        ("macs", 56_500_000, "0.0565"),
        ("throughput_img_s", 3965.4, "3,965"),
        ("throughput_img_s", 52.345, "52.3"),
        ("throughput_img_s", 3.2171, "3.22"),
        ("throughput_img_s", 0.0, "0"),
        ("latency_s", 0.0042, "4.20"),
        ("latency_s", 0.000_532_4, "0.532"),
        ("latency_s", 1.25, "1,250.00"),
        ("peak_allocated_bytes", 1683 * 2**20, "1,683"),
        ("peak_allocated_bytes", 2**19, "0.500"),
        ("energy_j_per_image", 0.123_456, "0.123"),
        ("images", 50_000, "50,000"),
    ],
)
def test_show(name: str, stored: float, text: str) -> None:
    assert metrics()[name].show(stored) == text


def test_titles_carry_the_unit() -> None:
    assert metrics()["peak_allocated_bytes"].title == "Peak allocated (MiB)"
    assert metrics()["batch_images"].title == "Batch"


def test_exact_is_the_shortest_decimal() -> None:
    assert exact(0.1) + exact(0.2) == Decimal("0.3")
    assert exact(26_545_096) == 26_545_096
    assert exact(1e-7) == Decimal("0.0000001")


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [("-0.004", 2, "0.00"), ("0.125", 2, "0.12"), ("0.135", 2, "0.14"), ("1234567.8", 0, "1,234,568")],
)
def test_rounded(value: str, decimals: int, text: str) -> None:
    assert rounded(Decimal(value), decimals) == text


def test_units_convert_between_their_own_kind_only() -> None:
    assert metrics()["params"].in_unit(26_545_096) == Decimal("26.545096")
    assert metrics()["peak_allocated_bytes"].in_unit(3 * 2**30, "GB") == 3
    assert stored_per("ms") == Decimal("0.001")
    assert same_kind("MB", "GiB")
    assert not same_kind("M", "MB")
    assert not same_kind("furlong", "furlong")
    assert units_like("G") == ("", "K", "M", "G")

"""Cells without a result are grouped by cause and named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.trouble import not_run, trouble
from bench.spec.record import Failed

if TYPE_CHECKING:
    from tests.report.conftest import Night


def test_one_line_per_cause_with_at_most_five_names(night: Night) -> None:
    missing = Failed(reason="missing_data", message="Put it in DATA/imagenet.")
    sizes = range(224, 224 + 7 * 32, 32)
    for size in sizes:
        night.add("resnet18", "accuracy", missing, height_px=size, width_px=size)
    night.add("swin_tiny", "latency", Failed(reason="crash", message="signal 11"))
    first, second = trouble(night.records[::-1])
    assert first.startswith("- **blocked (missing data)**, 7 cells: Put it in DATA/imagenet.\n  `resnet18/")
    assert first.endswith(" and 2 more")
    assert second == ("- **failed (crash)**, 1 cell: signal 11\n  `swin_tiny/imagenet/224x224/fp32/latency`")


def test_planned_cells_without_any_record_are_named(night: Night) -> None:
    night.add("resnet18", "accuracy", Failed(reason="crash", message="signal 11"))
    night.plan("resnet18", "latency")
    assert not_run(night.cells, night.records) == (
        "- latency, 1 cell: `resnet18/imagenet/224x224/fp32/latency`",
    )

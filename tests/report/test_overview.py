"""The overview puts the figures of one model and size on one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.overview import overview_table
from bench.spec.record import Failed

if TYPE_CHECKING:
    from tests.report.conftest import Night


def test_rows_are_ordered_by_size_and_then_by_top_1(night: Night) -> None:
    for checkpoint, top1, size in (
        ("resnet18", 69.8, 224),
        ("resnet50", 76.1, 224),
        ("swin_tiny", 70.0, 192),
    ):
        values = {"top1_percent": top1, "images": 50_000}
        night.add(checkpoint, "accuracy", values, height_px=size, width_px=size)
    (table,) = overview_table(tuple(night.records), ())
    assert [(row[0], row[2], row[3]) for row in table.rows] == [
        ("Swin-T", "192", "70.00"),
        ("ResNet-50", "224", "76.10"),
        ("ResNet-18", "224", "69.80"),
    ]


def test_speed_and_memory_belong_to_one_setting(night: Night) -> None:
    night.add("resnet18", "throughput", {"throughput_img_s": 9000.0}, precision="amp_fp16")
    night.add("resnet18", "throughput", {"throughput_img_s": 4000.0})
    night.add("resnet18", "memory", {"peak_allocated_bytes": 2**30})
    night.add("resnet50", "latency", {"latency_s": 0.002})
    (table,) = overview_table(tuple(night.records), ())
    by_model = {row[0]: row[3:] for row in table.rows}
    assert by_model["ResNet-18"] == ("—", "—", "—", "—", "9,000", "—", "—", "amp_fp16 [1]")
    assert by_model["ResNet-50"][-1] == "—"
    assert table.footnotes == ("protocol house",)


def test_all_reported_values_stand_in_the_row_of_a_model_without_a_score(night: Night) -> None:
    night.add("swin_tiny", "accuracy", Failed(reason="missing_data", message="not there"))
    night.add("swin_tiny", "complexity", {"params": 28_288_354, "macs": 4_370_000_000})
    night.add("mambaout_tiny", "complexity", {"params": 26_545_096, "macs": 4_486_000_000})
    (table,) = overview_table(tuple(night.records), night.rows)
    assert {row[0]: row[3:7] for row in table.rows} == {
        "MambaOut-Tiny": ("—", "82.7 / 82.30", "26.55", "4.49"),
        "Swin-T": ("—", "81.2 / 81.388", "28.29", "4.37"),
    }


def test_one_model_needs_no_overview(night: Night) -> None:
    night.add("resnet18", "latency", {"latency_s": 0.001})
    assert overview_table(tuple(night.records), ()) == ()

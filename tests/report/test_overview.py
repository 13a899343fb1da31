"""An overview puts the figures of one model, task, size, precision and crop on one row, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.report.order import by_family
from bench.report.overview import overview_tables
from bench.report.table import Table
from bench.spec.record import Failed
from tests.records import make_reported

if TYPE_CHECKING:
    from tests.report.conftest import Night

SCORE = {"images": 50_000, "top1_percent": 70.0}


def overviews(night: Night) -> dict[str, Table]:
    found = overview_tables(by_family(night.records), night.rows)
    return {table.title.removeprefix("Overview: "): table for table in found}


def column(table: Table, header: str) -> dict[str, str]:
    place = [column.header for column in table.columns].index(header)
    return {row[1]: row[place] for row in table.rows}


def score(night: Night, checkpoint: str, top1: float, images: int = 50_000, **fields: Any) -> None:
    night.add(checkpoint, "accuracy", {"images": images, "top1_percent": top1}, **fields)


def test_the_score_of_another_task_has_its_own_table(night: Night) -> None:
    for checkpoint in ("resnet18", "resnet50"):
        score(night, checkpoint, 60.0, 10_000, task="imagenet_v2")
        score(night, checkpoint, 70.0)
        night.add(checkpoint, "throughput", {"throughput_img_s": 9000.0})
    found = overviews(night)
    v2, v1 = (
        found["ImageNet-V2 (matched frequency), 224 px, fp32"],
        found["ImageNet-1K validation, 224 px, fp32"],
    )
    assert column(v2, "Top-1 measured (%)") == {"ResNet-18": "60.00", "ResNet-50": "60.00"}
    assert column(v1, "Top-1 measured (%)") == {"ResNet-18": "70.00", "ResNet-50": "70.00"}
    assert [column.header for column in v2.columns] == ["Family", "Model", "Crop", "Top-1 measured (%)"]
    assert column(v1, "Throughput (img/s)") == {"ResNet-18": "9,000", "ResNet-50": "9,000"}


def test_the_score_of_another_precision_stands_in_the_table_of_its_precision(night: Night) -> None:
    for checkpoint in ("resnet18", "resnet50"):
        score(night, checkpoint, 70.0)
        score(night, checkpoint, 69.5, precision="amp_fp16")
        night.add(checkpoint, "throughput", {"throughput_img_s": 9000.0}, precision="amp_fp16")
    found = overviews(night)
    assert column(found["ImageNet-1K validation, 224 px, fp32"], "Top-1 measured (%)")["ResNet-18"] == "70.00"
    fast = found["ImageNet-1K validation, 224 px, amp_fp16"]
    assert column(fast, "Top-1 measured (%)") == {"ResNet-18": "69.50", "ResNet-50": "69.50"}
    assert column(fast, "Throughput (img/s)") == {"ResNet-18": "9,000", "ResNet-50": "9,000"}


def test_each_crop_has_its_row_and_the_reported_values_of_that_crop(night: Night) -> None:
    night.rows = (
        make_reported("swin_tiny", text="81.2", crop_pct="0.875"),
        make_reported("swin_tiny", text="81.388", crop_pct="0.9"),
        make_reported("swin_tiny", text="81.3"),
    )
    score(night, "swin_tiny", 81.4, crop_pct=0.9)
    score(night, "swin_tiny", 81.2)
    score(night, "resnet18", 70.0)
    (table,) = overviews(night).values()
    assert [row for row in table.rows if "Swin-T" in row] == [
        ("Swin", "Swin-T", "0.875", "81.20", "81.2 / 81.3"),
        ("", "Swin-T", "0.9", "81.40", "81.388 / 81.3"),
    ]


def test_a_part_of_a_task_and_other_weights_have_no_score(night: Night) -> None:
    score(night, "resnet18", 70.0)
    score(night, "resnet50", 80.0, images=500)
    score(night, "swin_tiny", 0.1, weights="random")
    score(night, "swin_small", 83.0)
    (table,) = overviews(night).values()
    assert column(table, "Top-1 measured (%)") == {"ResNet-18": "70.00", "Swin-S": "83.00"}


def test_families_stand_together_the_smallest_model_first_and_sizes_in_tables_of_their_own(
    night: Night,
) -> None:
    for size in (384, 224):
        for checkpoint in ("swin_small", "resnet50", "swin_tiny", "resnet18"):
            score(night, checkpoint, 70.0, height_px=size, width_px=size)
    assert list(overviews(night)) == [
        "ImageNet-1K validation, 224 px, fp32",
        "ImageNet-1K validation, 384 px, fp32",
    ]
    for table in overviews(night).values():
        assert [row[:2] for row in table.rows] == [
            ("ResNet", "ResNet-18"),
            ("", "ResNet-50"),
            ("Swin", "Swin-T"),
            ("", "Swin-S"),
        ]


def test_speed_and_memory_belong_to_one_setting_that_is_named(night: Night) -> None:
    for checkpoint in ("resnet18", "resnet50"):
        night.add(checkpoint, "throughput", {"throughput_img_s": 4000.0})
        night.add(checkpoint, "throughput", {"throughput_img_s": 9000.0}, mode="compiled")
    night.add("resnet18", "memory", {"peak_allocated_bytes": 2**30}, memory_format="channels_last")
    night.add("swin_tiny", "throughput", {"throughput_img_s": 9000.0}, mode="compiled")
    (table,) = overviews(night).values()
    assert [column.header for column in table.columns] == ["Family", "Model", "Throughput (img/s)"]
    assert column(table, "Throughput (img/s)") == {"ResNet-18": "4,000", "ResNet-50": "4,000"}
    assert table.intro.endswith(
        "Speed and memory: protocol house, eager, contiguous, random weights and inputs, batch 128; "
        "other settings stand below."
    )


def test_what_a_suite_chose_gives_way_to_the_usual_and_is_marked_where_it_stands_alone(night: Night) -> None:
    night.add("vim_tiny", "throughput", {"throughput_img_s": 100.0}, scan_backend="reference")
    night.add("vim_tiny", "throughput", {"throughput_img_s": 4000.0})
    night.add("localvim_tiny", "throughput", {"throughput_img_s": 500.0}, true_inverse=True)
    (table,) = overviews(night).values()
    assert column(table, "Throughput (img/s)") == {"Vim-Ti": "4,000", "LocalVim-T [1]": "500"}
    assert table.footnotes == ("true inverse of the v routes, not the published one",)


def test_a_batch_of_its_own_is_marked(night: Night) -> None:
    night.add("resnet18", "throughput", {"throughput_img_s": 4000.0})
    night.add("resnet50", "throughput", {"throughput_img_s": 2000.0}, batch=64)
    (table,) = overviews(night).values()
    assert [row[1] for row in table.rows] == ["ResNet-18 [1]", "ResNet-50 [2]"]
    assert table.footnotes == ("batch 128", "batch 64")


def test_all_reported_values_stand_in_the_row_of_a_model_without_a_score(night: Night) -> None:
    night.add("swin_tiny", "accuracy", Failed(reason="missing_data", message="not there"))
    for checkpoint, params in (("swin_tiny", 28_288_354), ("mambaout_tiny", 26_545_096)):
        night.add(checkpoint, "complexity", {"params": params, "macs": 4_486_000_000})
        night.add(checkpoint, "latency", {"latency_s": 0.004})
    (table,) = overviews(night).values()
    assert column(table, "Top-1 reported (%)") == {"MambaOut-Tiny": "82.7 / 82.30", "Swin-T": "81.2"}
    assert column(table, "Parameters (M)") == {"MambaOut-Tiny": "26.55", "Swin-T": "28.29"}


def test_one_model_or_nothing_but_parameters_needs_no_overview(night: Night) -> None:
    night.add("resnet18", "latency", {"latency_s": 0.001})
    night.add("resnet50", "complexity", {"params": 25_557_032})
    night.add("resnet18", "complexity", {"params": 11_689_512})
    assert overviews(night) == {}


def test_memory_on_a_cpu_is_that_of_the_process(night: Night) -> None:
    for checkpoint in ("resnet18", "resnet50"):
        night.add(checkpoint, "memory", {"peak_process_bytes": 512 * 2**20}, device="cpu")
    (table,) = overviews(night).values()
    assert column(table, "Peak of the process (MiB)") == {"ResNet-18": "512", "ResNet-50": "512"}

"""Tables as data: what is in which cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.report.choose import sections
from bench.report.table import MISSING, Table, columns, without_empty
from bench.report.tables import tables

if TYPE_CHECKING:
    from tests.report.conftest import Night


def made(night: Night) -> dict[str, Table]:
    (section, *_) = sections(night.cells, night.records)
    return {table.title: table for table in tables(section, night.rows)}


def cells(table: Table, header: str) -> list[str]:
    place = [column.header for column in table.columns].index(header)
    return [row[place] for row in table.rows]


def speed(night: Night) -> Table:
    return made(night)["Speed and memory: protocol house, version 1"]


def test_every_row_has_a_cell_for_every_column(full_night: Night) -> None:
    for table in made(full_night).values():
        assert {len(row) for row in table.rows} == {len(table.columns)}, table.title


def test_footnotes_are_all_used_and_all_defined(full_night: Night) -> None:
    for table in made(full_night).values():
        text = " ".join(cell for row in table.rows for cell in row)
        numbers = {number for number in range(1, 30) if f"[{number}]" in text}
        assert numbers == set(range(1, len(table.footnotes) + 1)), table.title


def test_a_part_of_a_task_gets_no_score(night: Night) -> None:
    values = {"images": 500, "top1_percent": 76.0, "top5_percent": 94.0}
    night.add("convnext_tiny", "accuracy", values, limit_images=500)
    table = made(night)["Accuracy: ImageNet-1K validation (50,000 images)"]
    assert cells(table, "Measured (%)") == [f"{MISSING} [1]", f"{MISSING} [1]"]
    assert table.footnotes == ("only 500 of 50,000 images were scored, so there is no score",)
    assert "76.0" not in str(table)


def test_throughput_latency_and_memory_of_a_setting_share_a_row(night: Night) -> None:
    night.add("resnet18", "latency", {"latency_s": 0.0015})
    night.add("resnet18", "throughput", {"throughput_img_s": 5000.0, "batch_images": 128})
    night.add("resnet18", "memory", {"peak_allocated_bytes": 900 * 2**20})
    night.add("resnet18", "throughput", {"throughput_img_s": 5200.0, "batch_images": 256}, batch=256)
    table = speed(night)
    assert cells(table, "Batch") == ["128", "256"]
    assert cells(table, "Throughput (img/s)") == ["5,000", "5,200"]
    assert cells(table, "Latency (ms)") == ["1.50", MISSING]
    assert cells(table, "Peak allocated (MiB)") == ["900", MISSING]


def test_eager_and_compiled_never_share_a_row(night: Night) -> None:
    night.add("resnet18", "throughput", {"throughput_img_s": 5000.0})
    night.add("resnet18", "memory", {"peak_allocated_bytes": 900 * 2**20}, mode="compiled")
    assert cells(speed(night), "Mode") == ["eager", "compiled"]


def test_the_largest_batch_is_shown_as_found(night: Night) -> None:
    night.add("resnet18", "throughput", {"throughput_img_s": 5000.0, "batch_images": 1984}, batch="max")
    night.add("swin_tiny", "memory", {"peak_allocated_bytes": 2**20}, batch="max")
    assert cells(speed(night), "Batch") == ["1,984", "max"]


@pytest.mark.parametrize(
    ("accuracy", "verified"),
    [
        ({"values": {"images": 50_000}}, True),
        ({"values": {"images": 50_000}, "precision": "bf16"}, False),
        ({"values": {"images": 50_000}, "weights": "random"}, False),
        ({"values": {"images": 500}}, False),
    ],
)
def test_speed_without_a_complete_accuracy_run_is_unverified(
    night: Night, accuracy: dict[str, Any], verified: bool
) -> None:
    fields = dict(accuracy)
    values = fields.pop("values")
    night.add("resnet18", "accuracy", values, **fields)
    night.add("resnet18", "throughput", {"throughput_img_s": 5000.0})
    note = "unverified: no complete accuracy run of this model at this size and precision on this machine"
    assert speed(night).footnotes == (() if verified else (note,))


@pytest.mark.parametrize(
    ("values", "note"),
    [
        ({}, "outputs not compared with eager: unverified"),
        ({"compile_s": 12.34}, "compiled in 12.3 s, outputs not compared with eager: unverified"),
        (
            {"compile_s": 1.0, "graph_breaks": 1, "output_rel_error": 0.001},
            "compiled in 1.0 s, 1 graph break, outputs 1.0e-03 from eager",
        ),
    ],
)
def test_compiled_rows_say_whether_outputs_were_checked(
    night: Night, values: dict[str, float], note: str
) -> None:
    night.add("resnet18", "throughput", {"throughput_img_s": 5000.0, **values}, mode="compiled")
    assert speed(night).footnotes[0] == note


def test_unknown_flags_are_still_words(night: Night) -> None:
    night.add("resnet18", "throughput", {"throughput_img_s": 5000.0}, flags=("clocks_dropped",))
    assert speed(night).footnotes[0] == "throughput: clocks dropped"


def test_several_reported_values_are_several_lines(full_night: Night) -> None:
    table = made(full_night)["Accuracy: ImageNet-1K validation (50,000 images)"]
    first = cells(table, "Model").index("MambaOut-Tiny")
    lines = slice(first, first + 3)
    assert cells(table, "Model")[lines] == ["MambaOut-Tiny", "", ""]
    assert cells(table, "Measured (%)")[lines] == ["82.74 ± 0.17", "", "96.14 ± 0.09"]
    assert cells(table, "Reported (%)")[lines] == ["82.7", "82.30", MISSING]
    assert cells(table, "Difference (points)")[lines] == ["+0.04", "+0.44", MISSING]


def test_published_figures_of_another_precision_or_mode_are_left_out(full_night: Night) -> None:
    table = made(full_night)["Speed and memory beside published figures"]
    assert cells(table, "Ratio") == ["1.06", "2.00", "1.39"]
    assert table.intro.endswith(
        "Left out: 4 figures at another precision, or compiled where this is eager or the reverse."
    )


def test_columns_without_any_value_are_left_out() -> None:
    table = Table("T", columns(("A",), ("B", "C"), ("D",)), (("a", "—", "1", "—"), ("b", "—", "—", "—")))
    assert without_empty(table).columns == columns(("A",), ("C",), ("D",))
    assert without_empty(table).rows == (("a", "1", "—"), ("b", "—", "—"))

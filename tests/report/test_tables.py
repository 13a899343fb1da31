"""Tables as data: what is in which cell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bench.report.choose import sections
from bench.report.table import MISSING, Table, columns, once, without_constant, without_empty
from bench.report.tables import tables
from bench.spec.record import Measured
from tests.records import make_reported

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
    assert cells(table, "Measured") == [f"{MISSING} [1]"]
    assert cells(table, "Metric") == ["Top-1 (%)"]
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
    night.add("resnet18", "throughput", {"throughput_img_s": 5000.0}, card_digest="of the network")
    night.add("swin_tiny", "accuracy", {"images": 50_000}, card_digest="of network and weights")
    night.add("swin_tiny", "throughput", {"throughput_img_s": 5000.0}, card_digest="of the network")
    note = "unverified: no complete accuracy run of this model at this size and precision on this machine"
    assert speed(night).footnotes == (() if verified else (note,))
    assert "unverified" not in speed(night).intro


def test_where_no_speed_is_verified_the_intro_says_so_instead_of_every_row(night: Night) -> None:
    for checkpoint in ("resnet18", "swin_tiny"):
        night.add(checkpoint, "throughput", {"throughput_img_s": 5000.0})
    table = speed(night)
    assert table.footnotes == ()
    assert "All rows are unverified: none of these models has a complete accuracy run" in table.intro


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
    assert cells(table, "Measured")[lines] == ["82.74 ± 0.17", "", "96.14 ± 0.09"]
    assert cells(table, "Reported")[lines] == ["82.7", "82.30", MISSING]
    assert cells(table, "Difference")[lines] == ["+0.04", "+0.44", MISSING]


def test_published_figures_of_another_precision_or_mode_are_left_out(full_night: Night) -> None:
    table = made(full_night)["Speed and memory beside published figures"]
    assert cells(table, "Ratio") == ["1.06", "2.00", "1.39"]
    left_out = "Left out: 4 figures at another precision, or compiled where this is eager or the reverse."
    assert left_out in table.intro


def test_columns_without_any_value_are_left_out() -> None:
    table = Table("T", columns(("A",), ("B", "C"), ("D",)), (("a", "—", "1", "—"), ("b", "—", "—", "—")))
    assert without_empty(table).columns == columns(("A",), ("C",), ())
    assert without_empty(table).rows == (("a", "1"), ("b", "—"))


def test_a_condition_that_is_the_same_everywhere_is_said_once() -> None:
    rows = (("a", "fp32", "eager", "1"), ("b", "fp32", "compiled", "2"), ("", "fp32", "eager", "3"))
    table = Table("T", columns(("Model", "Precision", "Mode", "N"), (), ()), rows, "How to read.")
    found = without_constant(table, ("Precision", "Mode"))
    assert found.intro == "How to read. In every row: precision fp32."
    assert [column.header for column in found.columns] == ["Model", "Mode", "N"]
    assert found.rows == (("a", "eager", "1"), ("b", "compiled", "2"), ("", "eager", "3"))
    assert without_constant(replace(table, rows=rows[:1]), ("Precision", "Mode")).columns == table.columns


def test_a_model_is_named_where_its_rows_begin() -> None:
    rows = (("a", "1"), ("a", "2"), ("b", "1"), ("a", "3"))
    assert once(rows) == (("a", "1"), ("", "2"), ("b", "1"), ("a", "3"))


def test_published_figures_stand_beside_the_protocol_layout_and_batch_they_are_compared_with(
    night: Night,
) -> None:
    night.add("mambaout_tiny", "throughput", {"throughput_img_s": 5000.0})
    night.add("mambaout_tiny", "throughput", {"throughput_img_s": 5100.0}, protocol="timm", batch=256)
    night.rows = (make_reported(metric="throughput_img_s", text="2500", unit="img/s"),)
    table = made(night)["Speed and memory beside published figures"]
    assert cells(table, "Protocol") == ["house", "timm"]
    assert cells(table, "Batch") == ["128", "256"]
    assert table.intro.endswith("In every row: precision fp32, mode eager, layout contiguous.")


def test_published_figures_name_their_comparability_class(night: Night) -> None:
    night.add("mambaout_tiny", "throughput", {"throughput_img_s": 5000.0})
    stated: dict[str, Any] = {"precision": "fp32", "batch": 128, "mode": "eager", "hardware": "H100"}
    speed: dict[str, Any] = {"metric": "throughput_img_s", "text": "2500", "unit": "img/s", **stated}
    same = {"memory_format": "contiguous", "protocol": "house"}
    night.rows = (
        make_reported(**speed, **same),
        make_reported(**speed, **(same | {"protocol": "timm"})),
        make_reported(**speed, protocol="house", note="torch 2.9.1"),
    )
    table = made(night)["Speed and memory beside published figures"]
    assert cells(table, "Comparability class") == ["same", "protocol (timm)", "not stated: layout"]
    assert cells(table, "Source") == ["[1]", "[1]", "[2]"]
    assert table.footnotes == ("A paper", "A paper; torch 2.9.1")
    night.rows = night.rows[2:]
    (silent,) = (table for table in made(night).values() if "published figures" in table.title)
    assert cells(silent, "Comparability class") == ["same in all that is stated"]
    assert "No source here states: layout." in silent.intro


def test_parameters_that_nobody_reports_stand_among_the_counts_only(night: Night) -> None:
    night.add("resnet18", "complexity", {"params": 11_689_512, "macs": 1_814_000_000})
    night.add("mambaout_tiny", "complexity", {"params": 26_545_096, "macs": 4_486_000_000})
    night.rows = (make_reported(metric="params", text="26.5", unit="M"),)
    found = made(night)
    assert cells(found["Parameters and MACs"], "Model") == ["MambaOut-Tiny", "ResNet-18"]
    against = found["Parameters and MACs against reported values"]
    assert cells(against, "Metric") == ["Parameters (M)"]
    assert against.intro.endswith("Left out: 3 figures that no source reports.")
    night.rows = ()
    assert "Parameters and MACs against reported values" not in made(night)


def test_a_device_that_was_read_once_is_marked(night: Night) -> None:
    for checkpoint, details in (("resnet18", {}), ("resnet50", {"device_readings": 42})):
        outcome = Measured(values={"peak_device_bytes": 2**30}, details=details)
        night.add(checkpoint, "memory", outcome)
    table = speed(night)
    assert cells(table, "Notes") == ["[1]", ""]
    assert table.footnotes == (
        "memory: the device was read once, after the steps, since the record is older than the polling",
    )


def test_scans_of_the_suite_s_choice_have_rows_of_their_own(night: Night) -> None:
    for chosen, ran, figure in (("auto", "triton", 4000.0), ("torch", "torch", 300.0)):
        values, source = {"throughput_img_s": figure}, {"scan_backend": ran}
        night.add("vim_tiny", "throughput", values, scan_backend=chosen, provenance=source)
    table = speed(night)
    assert cells(table, "Model") == ["Vim-Ti", "Vim-Ti [1]"]
    assert cells(table, "Throughput (img/s)") == ["4,000", "300"]
    assert table.footnotes[0] == "selective scan by torch"
    assert "Selective scans were computed by triton, torch." in table.intro


def test_an_accuracy_says_which_inverse_it_had(night: Night) -> None:
    values = {"images": 50_000, "top1_percent": 76.2}
    night.add("localvim_tiny", "accuracy", values, true_inverse=True)
    table = made(night)["Accuracy: ImageNet-1K validation (50,000 images)"]
    assert table.rows[0][0] == "LocalVim-T [1]"
    assert table.footnotes[0] == "true inverse of the v routes, not the published one"

"""A table of figures from several machines or software versions says which row comes from which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.choose import sections
from bench.report.table import Table
from bench.report.tables import tables
from tests.records import GPU_BOX

if TYPE_CHECKING:
    from tests.report.conftest import Night

NEWER = GPU_BOX.model_copy(update={"driver": "590.1", "torch": "2.15.0"})
OLD_NOTE = "measured with driver 580.159.04, torch 2.14.1+cu130"
NEW_NOTE = "measured with driver 590.1, torch 2.15.0"


def made(night: Night) -> dict[str, Table]:
    (section, *_) = sections(night.cells, night.records)
    return {table.title.partition(":")[0]: table for table in tables(section, night.rows)}


def origins(table: Table) -> tuple[str, ...]:
    return tuple(note for note in table.footnotes if "measured with" in note)


def test_rows_of_another_driver_or_torch_are_marked_in_every_table(night: Night) -> None:
    for checkpoint, host in (("resnet18", GPU_BOX), ("mambaout_tiny", NEWER)):
        night.add(checkpoint, "throughput", {"throughput_img_s": 5000.0}, host=host)
        night.add(checkpoint, "accuracy", {"images": 50_000, "top1_percent": 70.0}, host=host)
    found = made(night)
    assert found["Overview"].footnotes == (NEW_NOTE, OLD_NOTE)
    assert [row[1] for row in found["Overview"].rows] == ["MambaOut-Tiny [1]", "ResNet-18 [2]"]
    speed = found["Speed and memory"]
    assert [row[-1] for row in speed.rows] == ["[1]", "[2]"]
    assert speed.footnotes == (NEW_NOTE, OLD_NOTE)
    accuracy = found["Accuracy"]
    assert [row[0] for row in accuracy.rows if row[0]] == ["MambaOut-Tiny [1]", "ResNet-18 [4]"]
    assert (accuracy.footnotes[0], accuracy.footnotes[3]) == (NEW_NOTE, OLD_NOTE)


def test_figures_of_one_row_that_were_measured_apart_are_named_apart(night: Night) -> None:
    night.add("resnet18", "throughput", {"throughput_img_s": 5000.0})
    night.add("resnet18", "memory", {"peak_allocated_bytes": 2**30}, host=NEWER)
    assert origins(made(night)["Speed and memory"]) == (f"throughput: {OLD_NOTE}", f"memory: {NEW_NOTE}")


def test_another_host_matters_to_latency_alone(night: Night) -> None:
    other = GPU_BOX.model_copy(update={"cpu": "Xeon"})
    for checkpoint, host in (("resnet18", GPU_BOX), ("resnet50", other)):
        night.add(checkpoint, "throughput", {"throughput_img_s": 5000.0}, host=host)
    assert origins(made(night)["Speed and memory"]) == ()
    night.add("resnet18", "latency", {"latency_s": 0.001})
    night.add("resnet50", "latency", {"latency_s": 0.001}, host=other)
    assert origins(made(night)["Speed and memory"]) == (
        "latency: measured with CPU AMD EPYC 9554",
        "latency: measured with CPU Xeon",
    )


def test_counts_by_another_torch_are_marked_and_do_not_mark_the_speed(night: Night) -> None:
    night.add("resnet18", "complexity", {"params": 11_689_512})
    night.add("resnet50", "complexity", {"params": 25_557_032}, host=NEWER)
    night.add("resnet18", "throughput", {"throughput_img_s": 5000.0})
    found = made(night)
    assert origins(found["Speed and memory"]) == ()
    assert origins(found["Parameters and MACs"]) == (
        "measured with torch 2.14.1+cu130",
        "measured with torch 2.15.0",
    )


def test_one_machine_and_one_software_need_no_note(full_night: Night) -> None:
    (section, *_) = sections(full_night.cells, full_night.records)
    assert not any(origins(table) for table in tables(section, full_night.rows))

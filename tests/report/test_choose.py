"""One record stands for a cell: the newest measured, else the newest failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.report.choose import sections
from bench.spec.record import Failed, Measured

if TYPE_CHECKING:
    from tests.report.conftest import Night

FAILED = Failed(reason="crash", message="signal 11")
DAYS = [f"2026-05-0{day}T01:00:00.000+00:00" for day in range(1, 5)]


@pytest.mark.parametrize("reverse", [False, True])
def test_the_newest_measured_record_wins_over_a_newer_failed_one(night: Night, reverse: bool) -> None:
    night.add("resnet18", "latency", {"latency_s": 0.001}, at=DAYS[0])
    wanted = night.add("resnet18", "latency", {"latency_s": 0.002}, at=DAYS[1])
    night.add("resnet18", "latency", FAILED, at=DAYS[2])
    records = night.records[::-1] if reverse else night.records
    (section,) = sections(night.cells, records)
    assert section.records == (wanted,)


def test_the_newest_failed_record_stands_where_nothing_was_measured(night: Night) -> None:
    night.add("resnet18", "latency", FAILED, at=DAYS[0])
    wanted = night.add("resnet18", "latency", FAILED, at=DAYS[3])
    night.add("resnet18", "latency", FAILED, at=DAYS[2])
    assert sections(night.cells, night.records)[0].records == (wanted,)


def test_records_come_in_the_order_of_the_plan(night: Night) -> None:
    for checkpoint in ("swin_tiny", "resnet18", "mambaout_tiny"):
        night.add(checkpoint, "latency", Measured(values={"latency_s": 0.001}))
    (section,) = sections(night.cells, night.records[::-1])
    assert [record.cell.checkpoint for record in section.records] == [
        "swin_tiny",
        "resnet18",
        "mambaout_tiny",
    ]


def test_a_machine_whose_gpu_is_unknown_is_titled_by_its_name(night: Night) -> None:
    record = night.add("resnet18", "latency", FAILED)
    lost = record.model_copy(update={"host": record.host.model_copy(update={"gpu": None})})
    assert sections(night.cells, [lost])[0].title == "gpu-box"
    assert [section.title for section in sections(night.cells, [record])] == [
        "gpu-box (NVIDIA H100 80GB HBM3)"
    ]


def test_a_gap_in_one_record_does_not_split_a_machine(night: Night) -> None:
    night.add("resnet18", "latency", {"latency_s": 0.001})
    crashed = night.records[0].host.model_copy(update={"gpu": None})
    night.add("swin_tiny", "latency", FAILED, host=crashed)
    (section,) = sections(night.cells, night.records)
    assert section.title == "gpu-box (NVIDIA H100 80GB HBM3)"


def test_what_is_the_same_everywhere_stands_in_every_section(night: Night) -> None:
    here = night.add("resnet18", "latency", {"latency_s": 0.001})
    host = here.host.model_copy(update={"machine": "any-machine", "gpu": None})
    counted = night.add("resnet18", "complexity", {"params": 11_689_512}, host=host)
    (alone,) = sections(night.cells, [counted])
    assert (alone.machine, alone.records) == ("any-machine", (counted,))
    other = here.host.model_copy(update={"machine": "other-box"})
    there = night.add("resnet18", "latency", {"latency_s": 0.002}, host=other)
    found = {section.machine: section.records for section in sections(night.cells, night.records)}
    assert found == {"gpu-box": (here, counted), "other-box": (there, counted)}


def test_the_measured_record_before_the_newest_one_is_kept(night: Night) -> None:
    for day, latency_s in zip(DAYS[:3], (0.003, 0.002, 0.001), strict=True):
        night.add("resnet18", "latency", {"latency_s": latency_s}, at=day)
    night.add("resnet18", "latency", FAILED, at=DAYS[3])
    night.add("swin_tiny", "latency", FAILED, at=DAYS[0])
    once = night.add("swin_tiny", "latency", {"latency_s": 0.004}, at=DAYS[1])
    (section,) = sections(night.cells, [*night.records[::-1], once])
    assert section.before == {night.records[0].cell_key: night.records[1]}

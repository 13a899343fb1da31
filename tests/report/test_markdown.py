"""The whole report, word for word, and what must not change it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.spec.record import Failed

if TYPE_CHECKING:
    from tests.report.conftest import Night

GOLDEN = Path(__file__).parent / "golden"


def test_the_whole_report(full_night: Night) -> None:
    assert full_night.markdown() == (GOLDEN / "full.md").read_text(encoding="utf-8")


def test_nothing_measured_yet(full_night: Night) -> None:
    full_night.records.clear()
    assert full_night.markdown() == (GOLDEN / "nothing.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_records_does_not_matter(full_night: Night, seed: int) -> None:
    expected = full_night.markdown()
    random.Random(seed).shuffle(full_night.records)
    assert full_night.markdown() == expected


def test_a_record_twice_is_shown_once(full_night: Night) -> None:
    expected = full_night.markdown()
    full_night.records += full_night.records
    assert full_night.markdown() == expected


def test_records_of_other_cells_are_ignored(full_night: Night) -> None:
    expected = full_night.markdown()
    planned = list(full_night.cells)
    full_night.add("caformer_s18", "accuracy", {"images": 50_000, "top1_percent": 83.6})
    full_night.cells[:] = planned
    assert full_night.markdown() == expected


def test_without_reported_rows_there_are_no_sources(full_night: Night) -> None:
    text = full_night.markdown(())
    assert "## Sources" not in text
    assert "beside published figures" not in text
    assert "Against every reported accuracy, parameter count and MACs: 20 no reported value." in text


def test_machines_have_their_own_sections(full_night: Night) -> None:
    headings = [line for line in full_night.markdown().splitlines() if line.startswith("## ")]
    assert headings == [
        "## gpu-box (NVIDIA H100 80GB HBM3)",
        "## laptop (Intel Core Ultra 7)",
        "## Not run yet",
        "## Sources",
    ]


def test_a_cell_that_failed_on_one_machine_and_was_measured_on_another_counts_as_measured(
    night: Night,
) -> None:
    night.add("resnet18", "latency", Failed(reason="crash", message="signal 11"))
    other = night.records[0].host.model_copy(update={"machine": "second"})
    night.add("resnet18", "latency", {"latency_s": 0.001}, host=other)
    assert "**1 of 1 planned cell measured**." in night.markdown()


def test_every_table_has_rows_of_one_width(full_night: Night) -> None:
    for block in full_night.markdown().split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({len(line) for line in rows}) <= 1, block


def test_the_machine_s_paths_do_not_leak(night: Night) -> None:
    night.add("resnet18", "accuracy", {"images": 50_000, "top1_percent": 70.0}, weights="/home/me/mine.pth")
    text = night.markdown()
    assert "weights of mine.pth" in text
    assert "/home/me" not in text

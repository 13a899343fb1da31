"""How figures were taken, said as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.catalog import read
from bench.report.choose import sections
from bench.report.setting import steps, weights
from bench.report.table import Table
from bench.report.tables import tables
from bench.spec.record import Measured
from tests.records import make_cell, make_record

if TYPE_CHECKING:
    from tests.report.conftest import Night

BOUND = "latency: launch-bound: the device waited for the CPU; another host would give another figure"
UNCHECKED = (
    "latency: not known whether the GPU waited for the host, since the record is older than that check; "
    "at batch 1 it nearly always does, so read this as launch time"
)


def made(night: Night) -> dict[str, Table]:
    (section, *_) = sections(night.cells, night.records)
    return {table.title.partition(":")[0]: table for table in tables(section, night.rows)}


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        (
            "house",
            {
                "Throughput": "batch over the median of window means (a window is many steps and one "
                "synchronisation)",
                "IQR": "interquartile range of the window means, in percent of the step time",
                "Latency": "the median of window means at batch 1",
            },
        ),
        (
            "timm",
            {
                "Throughput": "batch over the mean of single steps, each synchronised",
                "IQR": "interquartile range of the single steps, in percent of the step time",
                "Latency": "the median of single steps at batch 1",
            },
        ),
        (
            "vmamba",
            {
                "Throughput": "batch over the mean of all timed steps, which share one synchronisation",
                "Latency": "the mean of all timed steps at batch 1, which share one synchronisation",
            },
        ),
    ],
)
def test_step_times_are_described_as_the_protocol_takes_them(protocol: str, words: dict[str, str]) -> None:
    assert steps(read.protocols()[protocol]) == words


def test_speed_tables_say_that_weights_and_inputs_are_random(night: Night) -> None:
    for checkpoint in ("resnet18", "mambaout_tiny"):
        night.add(checkpoint, "throughput", {"throughput_img_s": 5000.0})
    found = made(night)
    for title in ("Overview", "Speed and memory", "Speed and memory beside published figures"):
        assert "andom weights and inputs" in found[title].intro, title


def test_rows_with_other_weights_are_marked(night: Night) -> None:
    night.add("resnet18", "throughput", {"throughput_img_s": 5000.0})
    night.add("resnet50", "throughput", {"throughput_img_s": 5000.0}, weights="published")
    found = made(night)
    assert "Random inputs." in found["Speed and memory"].intro
    assert "random weights" in found["Speed and memory"].footnotes
    assert "published weights" in found["Speed and memory"].footnotes
    assert [row[1] for row in found["Overview"].rows] == ["ResNet-18 [1]", "ResNet-50 [2]"]
    assert found["Overview"].footnotes == ("random weights", "published weights")


@pytest.mark.parametrize(
    ("kind", "words"),
    [(("random", "random"), "random weights and inputs"), (("published", "random"), "random inputs")],
)
def test_weights_in_words(kind: tuple[str, str], words: str) -> None:
    records = [make_record(make_cell("resnet18", "memory", weights=each), {}) for each in kind]
    assert weights(records) == words


@pytest.mark.parametrize(
    ("flags", "samples", "notes"),
    [
        (("cpu_bound",), {"window_lead_s": (0.0,)}, (BOUND,)),
        ((), {"window_lead_s": (0.1,)}, ()),
        ((), {}, (UNCHECKED,)),
        (("cpu_bound",), {}, (BOUND,)),
    ],
)
def test_latency_that_is_launch_bound_is_marked_at_the_figure(
    night: Night, flags: tuple[str, ...], samples: dict[str, Any], notes: tuple[str, ...]
) -> None:
    for checkpoint in ("resnet18", "resnet50"):
        outcome = Measured(values={"latency_s": 0.004}, samples=samples, flags=flags)
        night.add(checkpoint, "latency", outcome)
    overview, speed = made(night)["Overview"], made(night)["Speed and memory"]
    assert overview.footnotes == notes
    assert [row[-1] for row in overview.rows] == ["4.00 [1]" if notes else "4.00"] * 2
    assert set(notes) <= set(speed.footnotes)


def test_on_a_cpu_no_event_is_said_to_time_anything(night: Night) -> None:
    night.add("resnet18", "throughput", {"throughput_img_s": 50.0}, device="cpu")
    assert "On this CPU the wall clock timed everything." in made(night)["Speed and memory"].intro
    night.records.clear()
    night.add("resnet18", "throughput", {"throughput_img_s": 50.0})
    assert "wall clock" not in made(night)["Speed and memory"].intro


def test_latency_on_a_cpu_waits_for_nobody(night: Night) -> None:
    for checkpoint in ("resnet18", "resnet50"):
        night.add(checkpoint, "latency", {"latency_s": 0.004}, device="cpu")
    assert made(night)["Overview"].footnotes == ()


def test_only_figures_that_are_shown_are_explained(night: Night) -> None:
    night.add("resnet18", "memory", {"peak_allocated_bytes": 2**30})
    intro = made(night)["Speed and memory"].intro
    assert "Peak allocated: what the model needs." in intro
    assert not [name for name in ("Throughput", "IQR", "Latency", "Peak reserved") if f"{name}:" in intro]

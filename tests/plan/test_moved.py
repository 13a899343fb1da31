"""A figure of speed or memory holds only where it was measured."""

from __future__ import annotations

from typing import Any

import pytest

from bench.plan.moved import moved, still_unsupported
from bench.plan.state import Past
from bench.spec.cell import MEASURES, Measure
from bench.spec.record import Host
from tests.records import GPU_BOX, make_cell

HERE: dict[str, Any] = GPU_BOX.model_dump(exclude={"cudnn"})
PAST = Past(True, None, 1.0, host=GPU_BOX)


def why(measure: Measure, past: Past = PAST, **here: Any) -> str:
    return moved(make_cell("resnet18", measure), past, HERE | here)


@pytest.mark.parametrize("measure", MEASURES)
def test_on_the_same_machine_everything_holds(measure: Measure) -> None:
    assert why(measure) == ""


def test_what_differs_is_said() -> None:
    assert why("throughput", torch="2.11.0+cu130", driver="570.2") == (
        "measured with driver 580.159.04, torch 2.14.1+cu130; "
        "this machine has driver 570.2, torch 2.11.0+cu130"
    )
    assert why("memory", gpu="NVIDIA H200", triton=None) == (
        "measured with GPU NVIDIA H100 80GB HBM3, triton 3.6.0; "
        "this machine has GPU NVIDIA H200, triton unknown"
    )


def test_accuracy_and_complexity_hold_everywhere() -> None:
    assert why("accuracy", torch="2.11.0") == why("complexity", timm="1.0.29") == ""


def test_latency_on_a_gpu_is_the_host_s_too() -> None:
    assert why("throughput", cpu="Xeon", python="3.12.1") == ""
    assert why("latency", cpu="Xeon") == "measured with CPU AMD EPYC 9554; this machine has CPU Xeon"


def test_what_is_not_known_here_counts_as_recorded() -> None:
    assert moved(make_cell("resnet18", "memory"), PAST, {}) == ""
    assert why("memory", Past(True, None, 1.0, host=GPU_BOX.model_copy(update={"cudnn": "1"}))) == ""


def test_a_past_without_a_host_holds() -> None:
    assert why("memory", Past(True, None, 1.0)) == ""


def test_the_cpu_decides_on_a_cpu() -> None:
    host = Host(machine="a", device="cpu", cpu="EPYC", cpu_count=2, os="Linux", python="3.11.9")
    past = Past(True, None, 1.0, host=host)
    here = host.model_dump() | {"cpu_count": 4}
    cell = make_cell("resnet18", "throughput", device="cpu")
    assert moved(cell, past, here) == "measured with CPU cores 2; this machine has CPU cores 4"


@pytest.mark.parametrize("measure", MEASURES)
def test_unsupported_stays_so_while_machine_and_software_stay(measure: Measure) -> None:
    cell = make_cell("resnet18", measure)
    unsupported, crashed = (Past(False, reason, 1.0, "m", GPU_BOX) for reason in ("unsupported", "crash"))
    assert still_unsupported(cell, unsupported, HERE)
    assert not still_unsupported(cell, unsupported, HERE | {"timm": "1.0.32"})
    assert not still_unsupported(cell, crashed, HERE)
    assert not still_unsupported(cell, PAST, HERE)

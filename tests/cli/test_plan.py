"""What `plan` says of cells that were measured before."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.spec.job import Report
from bench.spec.record import Failed, Measured
from tests.cli.conftest import HOST, Cli

WriteSuite = Callable[..., str]
OLD = HOST.model_copy(update={"torch": "2.11.0+cpu", "timm": "1.0.29"})


def states(cli: Cli, suite: str) -> dict[str, tuple[str, str]]:
    planned = json.loads(cli("plan", suite, "--json").out)["cells"]
    return {each["measure"]: (each["state"], each["why"]) for each in planned}


def test_speed_and_memory_of_other_software_are_to_be_measured_again(
    cli: Cli, write_suite: WriteSuite
) -> None:
    suite = write_suite("throughput", "memory", "accuracy", "complexity")
    old = Report(outcome=Measured(values={}), host=OLD)
    assert cli("run", suite, throughput=old, memory=old, accuracy=old, complexity=old).code == 0
    why = (
        f"measured with torch 2.11.0+cpu, timm 1.0.29; this machine has torch {HOST.torch}, timm {HOST.timm}"
    )
    assert states(cli, suite) == {
        "throughput": ("ready", why),
        "memory": ("ready", why),
        "accuracy": ("done", ""),
        "complexity": ("done", ""),
    }
    # what is there can be looked at all the same
    assert cli("report", suite).code == 0
    ran = cli("run", suite)
    assert [name.rpartition("/")[2] for name in ran.launched] == ["throughput", "memory"]
    assert {state for state, _ in states(cli, suite).values()} == {"done"}


def test_what_cannot_run_here_is_blocked_and_starts_no_worker(cli: Cli, write_suite: WriteSuite) -> None:
    suite = write_suite("throughput", precision="tf32")
    why = (
        "unsupported: tf32 needs an NVIDIA GPU of compute capability 8.0 or newer; a CPU can measure fp32: "
        "set `precisions` or --device"
    )
    assert states(cli, suite) == {"throughput": ("blocked", why)}
    ran = cli("run", suite)
    assert (ran.code, ran.launched) == (0, [])
    assert f"blocked  mambaout_femto/quickstart/224x224/tf32/throughput: {why}" in ran.err
    assert cli("run", suite, "--strict").code == 1


def test_what_a_worker_found_unsupported_is_blocked_from_then_on(cli: Cli, write_suite: WriteSuite) -> None:
    suite = write_suite("throughput")
    lacking = Failed(reason="unsupported", message="this GPU is too old for tf32")
    assert cli("run", suite, throughput=lacking).code == 0
    assert states(cli, suite) == {
        "throughput": (
            "blocked",
            "unsupported: this GPU is too old for tf32; an earlier run found so, --fresh tries again",
        )
    }
    for _ in range(2):
        ran = cli("run", suite)
        assert (ran.code, ran.launched) == (0, [])
        assert "unsupported: this GPU is too old for tf32\n" in ran.err
    assert len(cli("run", suite, "--fresh").launched) == 1
    assert states(cli, suite) == {"throughput": ("done", "")}


@pytest.mark.parametrize(
    "ended",
    [
        Report(outcome=Failed(reason="unsupported", message="timm 1.0.29 has no such network"), host=OLD),
        Failed(reason="crash", message="the worker was ended by SIGSEGV"),
    ],
)
def test_what_may_work_by_now_is_tried_again(
    cli: Cli, write_suite: WriteSuite, ended: Report | Failed
) -> None:
    suite = write_suite("throughput", "complexity")
    cli("run", suite, throughput=ended, complexity=ended)
    reason = ended.reason if isinstance(ended, Failed) else "unsupported"
    assert states(cli, suite) == dict.fromkeys(
        ("throughput", "complexity"), ("ready", f"last attempt failed: {reason}")
    )
    assert len(cli("run", suite).launched) == 2


def test_a_long_reason_that_cells_share_stands_once_below_them(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        "name: s\nsweeps: [{models: [mambaout_femto, mambaout_kobe], task: imagenet, resolutions: [224], "
        "measures: [accuracy, complexity], weights: random}]\n",
        encoding="utf-8",
    )
    cli("run", "s.yaml", "--only", "*_femto/*/complexity")
    table, notes, summary = cli("plan", "s.yaml").out.split("\n\n")
    states, reasons = zip(
        *((line.split()[0], line.partition("random_weights")[2].strip()) for line in table.split("\n")[1:]),
        strict=True,
    )
    assert states == ("blocked", "done", "blocked", "ready")
    assert reasons == ("missing data [1]", "", "missing data [1]", "")
    assert summary.startswith("4 cells: 1 ready, 1 done, 2 blocked; about 0 s to go on ")
    assert notes.startswith(
        "[1] missing data: ImageNet-1K validation was not found; looked at data/imagenet (no"
    )
    assert notes.endswith("--data names another data folder.")

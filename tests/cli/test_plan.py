"""What `plan` says of cells that were measured before."""

from __future__ import annotations

import json
from collections.abc import Callable

from bench.spec.job import Report
from bench.spec.record import Measured
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

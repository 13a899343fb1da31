"""What `run` ends with, and what it says on the way."""

from __future__ import annotations

from collections.abc import Callable

from bench.spec.record import Failed, Measured
from tests.cli.conftest import Cli

WriteSuite = Callable[..., str]
CRASH = Failed(reason="crash", message="the worker was ended by SIGSEGV")
TWICE = Measured(values={"params": 2 * 7_304_536, "macs": 1_160_000_000})
MISSED = (
    "bench: comparison failed: mambaout_femto/quickstart/224x224/fp32/complexity: params 14.609 is above "
    "the 7.3 M of"
)


def test_a_failing_cell_does_not_hide_a_failing_gate(cli: Cli, write_suite: WriteSuite) -> None:
    suite = write_suite("throughput", "complexity", head="gates: [reported]")
    ran = cli("run", suite, throughput=CRASH, complexity=TWICE)
    assert ran.code == 1
    assert "failed: mambaout_femto/quickstart/224x224/fp32/throughput" in ran.err
    assert MISSED in ran.err
    assert cli("run", suite, "--fresh", complexity=TWICE).code == 3


def test_an_interrupted_run_judges_nothing(cli: Cli, write_suite: WriteSuite) -> None:
    suite = write_suite("complexity", "throughput", head="gates: [reported]")
    ran = cli("run", suite, complexity=TWICE, throughput=KeyboardInterrupt())
    assert ran.code == 130
    assert "comparison failed" not in ran.err
    assert ran.out == "results/s.md\n"

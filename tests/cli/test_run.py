"""What `run` ends with, and what it says on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench.catalog import read
from bench.machine.data import locate
from bench.machine.listing import listing
from bench.spec.job import Report
from bench.spec.record import Failed, Measured
from tests.cli.conftest import HOST, Cli

WriteSuite = Callable[..., str]
CRASH = Failed(reason="crash", message="the worker was ended by SIGSEGV")
TWICE = Measured(values={"params": 2 * 7_304_536, "macs": 1_160_000_000})
GOOD = Measured(values={"params": 7_304_536, "macs": 1_160_000_000})
FAST = Measured(values={}, samples={"step_s": (1.0,), "latency_s": (1.0,)})
SLOW = Measured(values={}, samples={"step_s": (1.2,), "latency_s": (1.2,)})
SLOWER = (
    "bench: comparison failed: mambaout_femto/quickstart/224x224/fp32/throughput: slower since the last "
    "night: 1.200 of the time before"
)
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


def test_a_log_of_an_earlier_attempt_is_not_named(cli: Cli, tmp_path: Path) -> None:
    suite = (
        "name: s\nsweeps: [{models: [mambaout_femto], task: imagenet, resolutions: [224], "
        "measures: [accuracy], weights: random}]\n"
    )
    (tmp_path / "s.yaml").write_text(suite, encoding="utf-8")
    folder = tmp_path / "data" / "imagenet" / "val" / "n01440764"
    folder.mkdir(parents=True)
    ran = cli("run", "s.yaml", accuracy=CRASH)
    assert (ran.code, len(ran.launched)) == (1, 1)
    assert "accuracy/random_weights; its output: results/local/logs/" in ran.err
    # now the folder is flat, so no worker is started
    folder.rmdir()
    folder.with_name("1.JPEG").write_bytes(b"")
    ran = cli("run", "s.yaml")
    assert (ran.code, ran.launched) == (0, [])
    assert "holds images but no class folders" in ran.err
    assert "its output" not in ran.err


def test_a_score_of_other_images_is_not_done(cli: Cli, tmp_path: Path) -> None:
    suite = (
        "name: s\nsweeps: [{models: [mambaout_femto], task: imagenet, resolutions: [224], "
        "measures: [accuracy], weights: random}]\n"
    )
    (tmp_path / "s.yaml").write_text(suite, encoding="utf-8")
    for name in ("mine", "other"):
        image = tmp_path / name / "imagenet" / "val" / "n01440764" / f"{name}.JPEG"
        image.parent.mkdir(parents=True)
        image.write_bytes(b"")
    task = read.tasks()["imagenet"]
    found = {name: listing(locate(task, tmp_path / name), task.splits) for name in ("mine", "other")}
    scores = {name: Report(outcome=GOOD, host=HOST, data_listing=text) for name, text in found.items()}
    assert len(cli("run", "s.yaml", "--data", "mine", accuracy=scores["mine"]).launched) == 1
    assert cli("run", "s.yaml", "--data", "mine").launched == []
    # where there is no data the score holds
    assert cli("run", "s.yaml", "--data", "nowhere").launched == []
    said = cli("plan", "s.yaml", "--data", "other").out
    assert "ready" in said
    assert "measured with other images than those of other/imagenet/val" in said
    assert len(cli("run", "s.yaml", "--data", "other", accuracy=scores["other"]).launched) == 1
    assert cli("run", "s.yaml", "--data", "other").launched == []
    # of a record without a listing nothing is known
    assert len(cli("run", "s.yaml", "--data", "other", "--fresh", accuracy=GOOD).launched) == 1
    assert cli("run", "s.yaml", "--data", "mine").launched == []


def test_an_interrupted_run_judges_nothing(cli: Cli, write_suite: WriteSuite) -> None:
    suite = write_suite("complexity", "throughput", head="gates: [reported]")
    ran = cli("run", suite, complexity=TWICE, throughput=KeyboardInterrupt())
    assert ran.code == 130
    assert "comparison failed" not in ran.err
    assert ran.out == "results/s.md\n"
    # the run that goes on judges what was measured before the interruption as well
    ran = cli("run", suite)
    assert (ran.code, ran.launched) == (3, ["mambaout_femto/quickstart/224x224/fp32/throughput"])
    assert MISSED in ran.err


def test_a_fresh_run_that_was_interrupted_goes_on(cli: Cli, write_suite: WriteSuite) -> None:
    suite = write_suite("complexity", "throughput")
    name = "mambaout_femto/quickstart/224x224/fp32/throughput"
    assert cli("run", suite, complexity=GOOD, throughput=GOOD).code == 0
    ran = cli("run", suite, "--fresh", complexity=GOOD, throughput=KeyboardInterrupt())
    assert (ran.code, len(ran.launched)) == (130, 2)
    assert "1 ready, 1 done" in cli("plan", suite, "--fresh").out
    ran = cli("run", suite, "--fresh", throughput=GOOD)
    assert (ran.code, ran.launched) == (0, [name])
    assert "goes on with the run under --fresh that began at " in ran.err
    # that one came to its end, so the next starts over
    ran = cli("run", suite, "--fresh", complexity=GOOD, throughput=GOOD)
    assert (ran.code, len(ran.launched)) == (0, 2)
    assert "goes on" not in ran.err


def test_the_gate_reported_judges_what_was_measured_before(cli: Cli, write_suite: WriteSuite) -> None:
    suite = write_suite("complexity", head="gates: [reported]")
    assert cli("run", suite, complexity=TWICE).code == 3
    again = cli("run", suite)
    assert (again.code, again.launched) == (3, [])
    assert MISSED in again.err
    assert cli("run", suite, "--fresh", complexity=GOOD).code == 0
    assert cli("run", suite).code == 0


def test_the_gate_reported_judges_the_newest_measured_record(cli: Cli, write_suite: WriteSuite) -> None:
    suite = write_suite("complexity", head="gates: [reported]")
    assert cli("run", suite, complexity=GOOD).code == 0
    assert cli("run", suite, "--fresh", complexity=TWICE).code == 3
    ran = cli("run", suite, "--fresh", complexity=CRASH)
    assert ran.code == 1
    assert MISSED in ran.err


def test_the_gate_reported_leaves_out_cells_that_were_not_asked_for(
    cli: Cli, write_suite: WriteSuite
) -> None:
    suite = write_suite("complexity", "throughput", head="gates: [reported]")
    assert cli("run", suite, complexity=TWICE).code == 3
    assert cli("run", suite, "--only", "*/throughput").code == 0


def test_a_regression_is_seen_after_an_interruption(cli: Cli, write_suite: WriteSuite) -> None:
    suite = write_suite("throughput", "latency", head="gates: [last_night]")
    assert cli("run", suite, "--fresh", throughput=FAST, latency=FAST).code == 0
    assert cli("run", suite, "--fresh", throughput=SLOW, latency=KeyboardInterrupt()).code == 130
    # started over, so the record before the interruption must not pass for that of the last night
    ran = cli("run", suite, "--fresh", throughput=SLOW, latency=FAST)
    assert ran.code == 3
    assert ran.err.count("comparison failed") == 1
    assert SLOWER in ran.err
    # the next night is compared with this one
    assert cli("run", suite, "--fresh", throughput=SLOW, latency=FAST).code == 0


def test_a_run_that_goes_on_judges_the_whole_night(cli: Cli, write_suite: WriteSuite) -> None:
    suite = write_suite("throughput", "latency", head="gates: [last_night]")
    assert cli("run", suite, "--fresh", throughput=FAST, latency=CRASH).code == 1
    ran = cli("run", suite, "--fresh", throughput=SLOW, latency=CRASH)
    assert ran.code == 1
    assert SLOWER in ran.err
    ran = cli("run", suite, latency=FAST)
    assert ran.launched == ["mambaout_femto/quickstart/224x224/fp32/latency"]
    assert ran.code == 3
    assert SLOWER in ran.err
    ran = cli("run", suite)
    assert (ran.code, ran.launched) == (3, [])
    assert SLOWER in ran.err


def test_cells_that_a_night_left_out_have_not_vanished(cli: Cli, write_suite: WriteSuite) -> None:
    suite = write_suite("throughput", "latency", head="gates: [last_night]")
    assert cli("run", suite, throughput=FAST, latency=FAST).code == 0
    assert cli("run", suite, "--fresh", "--only", "*/latency", latency=FAST).code == 0
    assert cli("run", suite).code == 0


def test_a_run_of_a_part_does_not_end_the_night_of_the_whole(cli: Cli, write_suite: WriteSuite) -> None:
    suite = write_suite("throughput", "latency", head="gates: [last_night]")
    assert cli("run", suite, "--fresh", throughput=FAST, latency=FAST).code == 0
    assert cli("run", suite, "--fresh", throughput=SLOW, latency=KeyboardInterrupt()).code == 130
    assert cli("run", suite, "--fresh", "--only", "*/latency", latency=FAST).code == 0
    ran = cli("run", suite, "--fresh", throughput=SLOW, latency=FAST)
    assert ran.code == 3
    assert SLOWER in ran.err

"""Where the report of a run goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench.spec.record import Measured
from tests.cli.conftest import Cli

WriteSuite = Callable[..., str]


def scored(images: int, right: int) -> Measured:
    values = {"images": images, "top1_correct": right, "top1_percent": 100 * right / images}
    return Measured(values=values, flags=("random_weights",))


def test_a_limited_run_has_a_report_of_its_own(cli: Cli, write_suite: WriteSuite, tmp_path: Path) -> None:
    suite, results = write_suite("accuracy"), tmp_path / "results"
    assert cli("run", suite, accuracy=scored(64, 16)).out == "results/s.md\n"
    whole = (results / "s.md").read_text(encoding="utf-8")
    ran = cli("run", suite, "--limit", "10", accuracy=scored(10, 1))
    assert (ran.out, len(ran.launched)) == ("results/s-limit10.md\n", 1)
    assert (results / "s.md").read_text(encoding="utf-8") == whole
    limited = (results / "s-limit10.md").read_text(encoding="utf-8")
    assert limited.startswith("# s, at most 10 images scored\n")
    assert "**1 of 1 planned cell measured**" in limited
    assert cli("report", suite).out == "results/s.md\n"
    assert (results / "s.md").read_text(encoding="utf-8") == whole
    (results / "s-limit10.md").unlink()
    assert cli("report", suite, "--limit", "10").out == "results/s-limit10.md\n"
    assert (results / "s-limit10.md").read_text(encoding="utf-8") == limited


def test_a_limit_that_leaves_nothing_out_is_a_full_run(cli: Cli, write_suite: WriteSuite) -> None:
    suite = write_suite("accuracy")
    assert cli("run", suite, accuracy=scored(64, 16)).code == 0
    ran = cli("run", suite, "--limit", "1000000")
    assert (ran.out, ran.launched) == ("results/s.md\n", [])


def test_a_limit_concerns_nothing_but_accuracy(cli: Cli, write_suite: WriteSuite) -> None:
    ran = cli("run", write_suite("complexity"), "--limit", "10")
    assert ran.out == "results/s.md\n"


def test_tables_that_cannot_be_written_say_that_the_records_are_kept(
    cli: Cli, write_suite: WriteSuite, tmp_path: Path
) -> None:
    suite = write_suite("complexity")
    (tmp_path / "results" / "s.md").mkdir(parents=True)
    ran = cli("run", suite)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[-1] == (
        "bench: results/s.md: cannot write results: Is a directory; make it writable or name another folder "
        "with --results DIR, then give the same command again; all records are kept"
    )
    (tmp_path / "results" / "s.md").rmdir()
    ran = cli("run", suite)
    assert (ran.code, ran.launched, ran.out) == (0, [], "results/s.md\n")

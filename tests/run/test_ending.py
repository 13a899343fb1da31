"""What a worker left behind, as a report or as the reason why there is none."""

from pathlib import Path

import pytest

from bench.run.ending import judge, log_tail
from bench.spec.record import Failed


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (1, "the worker ended with exit code 1"),
        (-11, "the worker was ended by SIGSEGV"),
        (-6, "the worker was ended by SIGABRT"),
        (-9, "the worker was ended by SIGKILL: perhaps the machine ran out of memory"),
        (-200, "the worker was ended by signal 200"),
    ],
)
def test_a_crash_is_named(tmp_path: Path, code: int, message: str) -> None:
    assert judge(code, tmp_path / "report", tmp_path / "log", 5) == Failed(reason="crash", message=message)


def test_a_report_does_not_excuse_a_crash_or_a_time_out(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("{}")
    assert judge(1, tmp_path / "report", tmp_path / "log", 5) == Failed(
        reason="crash", message="the worker ended with exit code 1"
    )
    assert judge(None, tmp_path / "report", tmp_path / "log", 1800) == Failed(
        reason="timeout", message="stopped after its time limit of 1800 s"
    )


def test_the_last_forty_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(60)))
    assert log_tail(log).splitlines() == [f"line {number}" for number in range(20, 60)]


def test_at_most_eight_kilobytes_of_whole_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"{number:03} {'x' * 996}\n" for number in range(30)))
    lines = log_tail(log).splitlines()
    assert [line[:3] for line in lines] == [f"{number:03}" for number in range(22, 30)]
    assert {len(line) for line in lines} == {1000}


def test_one_endless_line_is_cut(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("x" * 100_000)
    assert log_tail(log) == "x" * 8192


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"a\xff\nb\n")
    assert log_tail(log) == "a\N{REPLACEMENT CHARACTER}\nb"


def test_no_log(tmp_path: Path) -> None:
    assert log_tail(tmp_path / "log") == ""

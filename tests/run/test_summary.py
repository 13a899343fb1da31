"""From what became of the cells to the exit code."""

import pytest

from bench.run.summary import Summary, exit_code
from bench.spec.record import Failed, Measured


@pytest.mark.parametrize(
    ("summary", "code", "strict_code"),
    [
        (Summary(), 0, 0),
        (Summary(measured=["a"], skipped_done=["b"]), 0, 0),
        (Summary(measured=["a"], blocked=["b"]), 0, 1),
        (Summary(measured=["a"], failed=["b"]), 1, 1),
        (Summary(failed=["b"], interrupted=True), 130, 130),
        (Summary(interrupted=True), 130, 130),
    ],
)
def test_exit_code(summary: Summary, code: int, strict_code: int) -> None:
    assert exit_code(summary, strict=False) == code
    assert exit_code(summary, strict=True) == strict_code


def test_each_outcome_has_its_list() -> None:
    summary = Summary()
    summary.add("a", Measured(values={}))
    summary.add("b", Failed(reason="crash", message=""))
    summary.add("c", Failed(reason="missing_weights", message=""))
    assert summary == Summary(measured=["a"], failed=["b"], blocked=["c"])

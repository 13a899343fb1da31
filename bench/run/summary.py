"""What became of the cells of one run, and the exit code that follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bench.spec.record import Failed, Measured

OK = 0
FAILED = 1
INTERRUPTED = 130


@dataclass(slots=True)
class Summary:
    """Names of cells by what became of them, each list in the order of the run.

    `blocked` are those the machine lacks something for, found before the start or by the
    worker. The cell that an interrupt stopped, and those after it, are in no list. `logs` is
    where the output of each cell went for which a worker was started.
    """

    measured: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    skipped_done: list[str] = field(default_factory=list)
    logs: dict[str, Path] = field(default_factory=dict, compare=False)
    interrupted: bool = False

    def add(self, name: str, outcome: Measured | Failed) -> None:
        """Enter a cell by its outcome."""
        if outcome.kind == "measured":
            self.measured.append(name)
        elif outcome.blocked:
            self.blocked.append(name)
        else:
            self.failed.append(name)


def exit_code(summary: Summary, *, strict: bool) -> int:
    """Return 0 when all cells are measured or blocked, 1 when one failed, 130 when interrupted.

    Under `strict` a blocked cell counts as failed.
    """
    if summary.interrupted:
        return INTERRUPTED
    return FAILED if summary.failed or (strict and summary.blocked) else OK

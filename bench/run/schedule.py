"""Takes planned cells to records, one after the other; nothing that goes wrong in one stops the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.plan.state import PlannedCell
from bench.run.clock import Clock, SystemClock
from bench.run.ending import Ended, log_tail
from bench.run.interrupts import Interrupts
from bench.run.launcher import Launcher, ServerLost
from bench.run.observer import Observer
from bench.run.provenance import Scribe, Timing
from bench.run.recipe import Recipe
from bench.run.summary import Summary
from bench.spec.cell import Cell
from bench.spec.errors import BadRecord, CellError, UserError
from bench.spec.job import Job
from bench.spec.record import Failed, Record
from bench.store.files import Store
from bench.store.lock import one_writer
from bench.store.trouble import cannot_write


@dataclass(frozen=True, slots=True)
class Ports:
    """What a run needs of the world outside: where records go, who runs jobs, who watches."""

    store: Store
    launcher: Launcher
    observer: Observer
    clock: Clock = field(default_factory=SystemClock)


def execute(
    planned: Sequence[PlannedCell],
    suite: str,
    recipe: Recipe,
    obstacle: Callable[[Cell], CellError | None],
    ports: Ports,
) -> Summary:
    """Measure what is ready, note what is blocked, skip what is done, in the order given.

    Each cell that is tried ends in one record, written at once. A blocked cell gets one
    too, unless its last attempt failed for the same reason with the same message; `obstacle`
    says why it is blocked. SIGINT and SIGTERM end the running worker without a record and the
    run with `Summary.interrupted`. Raises `Busy` where another run writes to the same folder,
    and `UserError` where it cannot be written; what was written before is kept.
    """
    summary = Summary()
    if all(each.state == "done" for each in planned):
        # then a folder that cannot be written does not matter
        for each in planned:
            _skip(each.cell, summary, ports.observer)
        return summary
    with one_writer(ports.store.root):
        _Run(summary, Scribe(suite, recipe.device), recipe, obstacle, ports).through(planned)
    return summary


def _skip(cell: Cell, summary: Summary, observer: Observer) -> None:
    summary.skipped_done.append(cell.name)
    observer.cell_skipped(cell)


class _Run:
    """One pass over the planned cells."""

    def __init__(
        self,
        summary: Summary,
        scribe: Scribe,
        recipe: Recipe,
        obstacle: Callable[[Cell], CellError | None],
        ports: Ports,
    ) -> None:
        self._summary, self._scribe, self._recipe = summary, scribe, recipe
        self._obstacle, self._ports = obstacle, ports
        self._past = ports.store.history(scribe.machine)
        self._interrupts = Interrupts()

    def through(self, planned: Sequence[PlannedCell]) -> None:
        """Take every cell to its end, or to the first interrupt."""
        with self._interrupts:
            try:
                for each in planned:
                    self._one(each)
            except KeyboardInterrupt:
                self._summary.interrupted = True

    def _one(self, planned: PlannedCell) -> None:
        if planned.state == "done":
            _skip(planned.cell, self._summary, self._ports.observer)
            return
        error = self._obstacle(planned.cell) if planned.state == "blocked" else None
        job = self._recipe.job(planned.cell)
        if error is None:
            self._measure(job)
        else:
            self._block(job, Failed(reason=error.kind, message=str(error)))

    def _block(self, job: Job, outcome: Failed) -> None:
        past = self._past.get(job.cell.key)
        if past is None or past.measured or (past.reason, past.message) != (outcome.reason, outcome.message):
            self._write(self._scribe.record(job, outcome, Timing(self._ports.clock.utc(), 0.0)))
        self._summary.add(job.cell.name, outcome)
        self._ports.observer.cell_blocked(job.cell, outcome)

    def _measure(self, job: Job) -> None:
        clock = self._ports.clock
        self._ports.observer.cell_started(job.cell)
        started, before_s = clock.utc(), clock.passed_s()
        ended = self._launch(job)
        timing = Timing(started, clock.passed_s() - before_s)
        with self._interrupts.deferred():
            record = self._write_or_fail(job, ended, timing)
            self._summary.add(job.cell.name, record.outcome)
            self._ports.observer.cell_finished(job.cell, record.outcome, timing.wall_s)

    def _launch(self, job: Job) -> Ended:
        launch, log = self._ports.launcher.launch, self._empty_log(job.cell)
        self._summary.logs[job.cell.name] = log
        try:
            return launch(job, log)
        except ServerLost:
            # nothing was wrong with the cell, so it gets one more try
            pass
        try:
            return launch(job, log)
        except ServerLost as error:
            message = f"{error}, at the second try too"
            return Failed(reason="crash", message=message, log_tail=log_tail(log))

    def _empty_log(self, cell: Cell) -> Path:
        """Return where the whole output of the last attempt at a cell is kept, emptied for this one."""
        log = self._ports.store.root / "local" / "logs" / f"{cell.key}.log"
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_bytes(b"")
        except OSError as error:
            raise self._with_what_is_kept(cannot_write(log.parent, error)) from None
        return log

    def _write_or_fail(self, job: Job, ended: Ended, timing: Timing) -> Record:
        record = self._scribe.record(job, ended, timing)
        try:
            self._write(record)
        except BadRecord as error:
            outcome = Failed(reason="error", message=str(error))
            record = record.model_copy(update={"outcome": outcome})
            self._write(record)
        return record

    def _write(self, record: Record) -> None:
        try:
            self._ports.store.write(record)
        except BadRecord:
            raise
        except UserError as error:
            raise self._with_what_is_kept(error) from None

    def _with_what_is_kept(self, error: UserError) -> UserError:
        count = len(self._summary.measured)
        return UserError(f"{error}; what was measured before is kept ({count} of this run)")

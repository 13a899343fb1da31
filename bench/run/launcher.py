"""Runs each job in a fresh process, forked from a server that has imported torch already."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import forkserver, get_context, resource_tracker
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import ModuleType
from typing import Protocol

import bench
from bench.run.child import enter, partial
from bench.run.ending import Ended, judge
from bench.spec.errors import BenchError
from bench.spec.job import Job

TARGET = "bench.worker.main:run"
PRELOAD = ("torch", "timm", "bench.worker.main")
ENTRY = "bench.run.child"
ROOT = Path(bench.__file__).parents[1]
# how long a killed process may take to be gone; a GPU driver can be slow to let go
KILL_WAIT_S = 10.0
# multiprocessing's exit code for a process whose fork server is gone
SERVER_GONE = 255


class ServerLost(BenchError):
    """The fork server ended and took the worker with it; the cell itself is not to blame."""


class Launcher(Protocol):
    """Whatever can run a job: a process here, or canned answers in a test."""

    def launch(self, job: Job, log: Path) -> Ended:
        """Run one job to its end; its output is added to `log`, whose folder is there.

        Raises `ServerLost` where the machinery failed and another try may help. On any
        exception, `KeyboardInterrupt` included, nothing of the job runs on.
        """


class ForkserverLauncher:
    """Forks a worker per job from a warm server that has not touched CUDA.

    `target` is the `module:function` a worker runs, from `Job` to `Report`; `preload` names
    the modules that the server imports once. The server starts with the first job or with
    `warm_up`, keeps the environment variables of that moment, and ends with this process.
    """

    def __init__(self, target: str = TARGET, preload: Sequence[str] = PRELOAD) -> None:
        self._target = target
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload([*preload, ENTRY])

    def warm_up(self) -> None:
        """Start the server if it is not up, without waiting for its imports."""
        with _signals_blocked(), _importable_bench():
            forkserver.ensure_running()

    def launch(self, job: Job, log: Path) -> Ended:
        """Run one job in a process of its own; see `Launcher`."""
        report = log.with_suffix(".report.json")
        _remove(report)
        try:
            code = self._run(job, report, log)
            return judge(code, report, log, job.limit_s)
        finally:
            _remove(report)

    def _run(self, job: Job, report: Path, log: Path) -> int | None:
        """Return the exit code as multiprocessing gives it, or None after a time-out."""
        reader, writer = self._context.Pipe(duplex=False)
        # closing the writer makes the guard kill its group, even one that starts only later
        with reader, writer:
            arguments = (self._target, job.model_dump_json(), report.absolute(), log.absolute(), reader)
            process = self._context.Process(target=enter, args=arguments)
            self._start(process)
            try:
                finished = wait([process.sentinel], timeout=job.limit_s)
            finally:
                writer.close()
                _kill_group(process)
        if process.exitcode == SERVER_GONE:
            raise ServerLost("the fork server ended while a worker was running")
        return process.exitcode if finished else None

    def _start(self, process: ForkServerProcess) -> None:
        self.warm_up()
        try:
            with _main_hidden():
                process.start()
        except (OSError, EOFError) as error:
            raise ServerLost(f"the fork server starts no worker: {error!r}") from error


def _remove(report: Path) -> None:
    for path in (report, partial(report)):
        path.unlink(missing_ok=True)


def _kill_group(process: ForkServerProcess) -> None:
    # the group is still there when the worker is gone: its guard and perhaps data loaders
    if process.pid:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    process.join(KILL_WAIT_S)


@contextmanager
def _signals_blocked() -> Iterator[None]:
    # The server inherits the mask: without it, Ctrl-C during its imports would end it with
    # a traceback. The tracker is started first because its start resets the mask.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _importable_bench() -> Iterator[None]:
    # the server does not get sys.path in time for its imports, only the environment
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *([before] if before else [])])
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


@contextmanager
def _main_hidden() -> Iterator[None]:
    # else multiprocessing runs the main script once more in every worker
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main

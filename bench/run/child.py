"""The first code that runs in a worker process; it imports no torch by itself."""

from __future__ import annotations

import ctypes
import faulthandler
import multiprocessing
import os
import signal
import sys
from importlib import import_module
from io import TextIOWrapper
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

from bench.spec.errors import BadRecord
from bench.spec.job import Job, Report
from bench.spec.record import Failed
from bench.store.text import to_json

# prctl option of Linux: which signal a process gets when its parent ends
PR_SET_PDEATHSIG = 1


def enter(target: str, job: str, report: Path, log: Path, parent: Connection) -> None:
    """Run one job to its end and leave its report at `report`.

    `target` is `module:function`, a function from `Job` to `Report`; `job` is JSON; output
    goes to `log`. `parent` is the read end of a pipe whose other end only the launcher
    holds: when that closes, this process and all its descendants are killed.
    """
    os.setsid()
    _redirect(log)
    _end_with_server()
    _guard(parent)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
    # else data loaders would be forked by the server, slowly, and outlive this process
    multiprocessing.set_start_method(None, force=True)
    module, _, function = target.partition(":")
    run = getattr(import_module(module), function)
    _leave(run(Job.model_validate_json(job)), report)


def _redirect(log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(descriptor, stream.fileno())
        # a crash must not take the last lines with it
        cast(TextIOWrapper, stream).reconfigure(line_buffering=True)
    os.close(descriptor)
    faulthandler.enable()


def _end_with_server() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _guard(parent: Connection) -> None:
    # A process and not a thread: a worker that hangs in native code runs no Python. And not
    # the fork server: it stays up as long as any worker does.
    if os.fork() == 0:
        try:
            os.read(parent.fileno(), 1)
        finally:
            os.killpg(0, signal.SIGKILL)


def _leave(report: Report, path: Path) -> None:
    try:
        text = to_json(report)
    except BadRecord as error:
        text = to_json(report.model_copy(update={"outcome": Failed(reason="error", message=str(error))}))
    partial(path).write_text(text, encoding="utf-8")
    partial(path).replace(path)


def partial(report: Path) -> Path:
    """Return where a report is written before it is whole."""
    return report.with_suffix(".partial")

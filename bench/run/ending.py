"""How a worker ended: what it left behind, as a report or as the reason why there is none."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from pydantic import ValidationError

from bench.spec.job import Report
from bench.spec.record import Failed

Ended = Report | Failed

TAIL_LINES = 40
TAIL_BYTES = 8192


def judge(code: int | None, report: Path, log: Path, limit_s: float) -> Ended:
    """Turn what a worker left into its report, or into a failure with the end of its log.

    `code` is the exit code, negative for a signal, None where the time limit ended it. A
    failure that the worker reported itself gets the end of the log too.
    """
    if code is None:
        message = f"stopped after its time limit of {limit_s:g} s"
        return Failed(reason="timeout", message=message, log_tail=log_tail(log))
    if code != 0:
        return Failed(reason="crash", message=_why(code), log_tail=log_tail(log))
    try:
        found = Report.model_validate_json(report.read_bytes())
    except FileNotFoundError:
        return Failed(reason="crash", message="the worker ended without a report", log_tail=log_tail(log))
    except ValidationError:
        message = "the worker left a report that cannot be read"
        return Failed(reason="crash", message=message, log_tail=log_tail(log))
    return _with_tail(found, log)


def log_tail(log: Path) -> str:
    """Return the last 40 lines of a log, of at most 8 kB; empty where there is none."""
    try:
        with log.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - TAIL_BYTES))
            lines = stream.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    # the first line is most likely the end of one
    whole = lines[1:] if size > TAIL_BYTES and len(lines) > 1 else lines
    return "\n".join(whole[-TAIL_LINES:])


def _why(code: int) -> str:
    if code > 0:
        return f"the worker ended with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    hint = ": perhaps the machine ran out of memory" if -code == signal.SIGKILL else ""
    return f"the worker was ended by {name}{hint}"


def _with_tail(report: Report, log: Path) -> Report:
    outcome = report.outcome
    if outcome.kind == "measured" or outcome.log_tail:
        return report
    return report.model_copy(update={"outcome": outcome.model_copy(update={"log_tail": log_tail(log)})})

"""All records as one table for pandas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.spec.record import Record
from bench.store.files import Store

if TYPE_CHECKING:
    import pandas as pd


def records_frame(root: Path) -> pd.DataFrame:
    """Return one row per record below a results folder, in the order of the files.

    Columns, each with its unit in its name: the fields of the cell, `cell_key` and
    `cell_name`; `outcome` (`measured` or `failed`), `reason`, `message`, `flags` (joined by
    spaces); one per measured value; what is known of the host; `bench_version`,
    `git_commit`, `git_dirty`, `suite`, `started_utc` (a timestamp), `wall_s`. Damaged files
    are skipped and listed in `frame.attrs["problems"]`. Raises `BadRecord` for a newer
    schema.
    """
    import pandas as pd  # noqa: PLC0415

    records, problems = Store(root).records()
    frame = pd.DataFrame([_row(record) for record in records])
    if not frame.empty:
        frame["started_utc"] = pd.to_datetime(frame["started_utc"], utc=True, format="ISO8601")
    frame.attrs["problems"] = [f"{problem.path}: {problem.message}" for problem in problems]
    return frame


def _row(record: Record) -> dict[str, Any]:
    provenance = record.provenance
    return {
        "cell_key": record.cell_key,
        "cell_name": record.cell.name,
        **record.cell.model_dump(),
        **_outcome(record),
        **record.host.model_dump(exclude={"device", "packages"}),
        "bench_version": provenance.bench_version,
        "git_commit": provenance.git_commit,
        "git_dirty": provenance.git_dirty,
        "suite": provenance.suite,
        "started_utc": provenance.started_utc,
        "wall_s": provenance.wall_s,
    }


def _outcome(record: Record) -> dict[str, Any]:
    outcome = record.outcome
    if outcome.kind == "failed":
        return {
            "outcome": outcome.kind,
            "reason": outcome.reason,
            "message": outcome.message,
            "flags": "",
        }
    texts = {"outcome": outcome.kind, "reason": None, "message": None, "flags": " ".join(outcome.flags)}
    return texts | outcome.values

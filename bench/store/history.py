"""What became of each cell so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from bench.plan.state import Past
from bench.spec.record import Failed, Measured, Record


def newest(records: Iterable[Record]) -> Mapping[str, Past]:
    """Return the newest measured attempt of each cell, else the newest failed one, by cell key."""
    return {record.cell_key: _past(record) for record in sorted(records, key=_rank)}


def _rank(record: Record) -> tuple[bool, datetime]:
    return isinstance(record.outcome, Measured), _started(record)


def _started(record: Record) -> datetime:
    return datetime.fromisoformat(record.provenance.started_utc)


def _past(record: Record) -> Past:
    outcome, wall_s, started = record.outcome, record.provenance.wall_s, _started(record)
    if isinstance(outcome, Failed):
        return Past(False, outcome.reason, wall_s, outcome.message, record.host, started)
    listing = record.provenance.data_listing
    return Past(True, None, wall_s, host=record.host, started=started, data_listing=listing)

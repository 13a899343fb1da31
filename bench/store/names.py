"""Where a record lies: `records/<machine>/<checkpoint>/<cell name>.<cell key>.<time>.json`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import PurePath

from bench.spec.record import Record

SUFFIX = ".json"
MAX_SLUG = 120


def relative_path(record: Record) -> PurePath:
    """Return the path of a record below the folder of records."""
    cell = record.cell
    slug = _slug(cell.name.removeprefix(f"{cell.checkpoint}/"))[:MAX_SLUG]
    name = f"{slug}.{record.cell_key}.{_compact(record.provenance.started_utc)}{SUFFIX}"
    return PurePath(_slug(record.host.machine), _slug(cell.checkpoint), name)


def _slug(text: str) -> str:
    slug = re.sub(r"[^A-Za-z0-9._+-]+", "-", text)
    # never `..`, never hidden
    return slug.strip("-.") or "unnamed"


def _compact(utc: str) -> str:
    moment = datetime.fromisoformat(utc).astimezone(UTC)
    return f"{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03}Z"

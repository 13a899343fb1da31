"""What became of each cell so far, read fast: plan asks for it every time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.plan.state import Past
from bench.spec.errors import BadRecord
from bench.store.names import key_and_time
from bench.store.text import from_json
from bench.store.upgrade import upgrade


def newest(paths: Iterable[Path]) -> Mapping[str, Past]:
    """Return the newest measured attempt of each cell, else the newest failed one.

    Names tell cell and time, so that older attempts are opened only where all newer ones
    failed; nothing is validated. A damaged file counts as no attempt. Raises `BadRecord`
    for a newer schema.
    """
    attempts: defaultdict[str, list[tuple[str, Path]]] = defaultdict(list)
    for path in paths:
        parts = key_and_time(path.name)
        if parts:
            attempts[parts[0]].append((parts[1], path))
    found = {key: _newest(listed) for key, listed in attempts.items()}
    return {key: past for key, past in found.items() if past is not None}


def _newest(attempts: list[tuple[str, Path]]) -> Past | None:
    failed: Past | None = None
    for _, path in sorted(attempts, reverse=True):
        past = _past(path)
        if past is not None and past.measured:
            return past
        failed = failed or past
    return failed


def _past(path: Path) -> Past | None:
    try:
        document = upgrade(from_json(path.read_text(encoding="utf-8")))
        outcome, wall_s = document["outcome"], float(document["provenance"]["wall_s"])
        measured = outcome["kind"] == "measured"
        return Past(measured, None if measured else str(outcome["reason"]), wall_s)
    except BadRecord as error:
        raise BadRecord(f"{path}: {error}") from None
    except (OSError, ValueError, KeyError, TypeError):
        return None

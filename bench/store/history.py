"""What became of each cell so far, read fast: plan asks for it every time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from bench.plan.state import Past
from bench.spec.errors import BadRecord
from bench.spec.record import Host
from bench.store.names import key_and_time
from bench.store.text import from_json
from bench.store.upgrade import upgrade


def newest(paths: Iterable[Path]) -> Mapping[str, Past]:
    """Return the newest measured attempt of each cell, else the newest failed one.

    Names tell cell and time, so that older attempts are opened only where all newer ones
    failed; nothing is validated. A damaged file counts as no attempt. The name of an older
    schema holds the key of its time, so the cell is that of the upgraded content. Raises
    `BadRecord` for a newer schema.
    """
    attempts: defaultdict[str, list[tuple[str, Path]]] = defaultdict(list)
    for path in paths:
        parts = key_and_time(path.name)
        if parts:
            attempts[parts[0]].append((parts[1], path))
    found = (each for listed in attempts.values() if (each := _newest(listed)) is not None)
    best: dict[str, _Attempt] = {}
    for each in sorted(found, key=lambda each: (each.past.measured, each.time)):
        best[each.cell_key] = each
    return {key: each.past for key, each in best.items()}


class _Attempt(NamedTuple):
    cell_key: str
    time: str
    past: Past


def _newest(attempts: list[tuple[str, Path]]) -> _Attempt | None:
    failed: _Attempt | None = None
    for time, path in sorted(attempts, reverse=True):
        attempt = _attempt(time, path)
        if attempt is not None and attempt.past.measured:
            return attempt
        failed = failed or attempt
    return failed


def _attempt(time: str, path: Path) -> _Attempt | None:
    try:
        document = upgrade(from_json(path.read_text(encoding="utf-8")))
        outcome, wall_s = document["outcome"], float(document["provenance"]["wall_s"])
        measured = outcome["kind"] == "measured"
        why = (None, "") if measured else (str(outcome["reason"]), str(outcome["message"]))
        past = Past(measured, why[0], wall_s, why[1], Host.model_validate(document["host"]))
        return _Attempt(document["cell_key"], time, past)
    except BadRecord as error:
        raise BadRecord(f"{path}: {error}") from None
    except (OSError, ValueError, KeyError, TypeError):
        return None

"""Cells without a result: blocked, failed, or not run yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.report import words
from bench.report.grid import escape
from bench.spec.cell import Cell
from bench.spec.record import Failed, Record

NAMED = 5


def trouble(records: Sequence[Record]) -> tuple[str, ...]:
    """Return one bullet per status and message, blocked ones first, with the cells it concerns."""
    groups: dict[tuple[bool, str, str], list[str]] = {}
    for record in records:
        if isinstance(record.outcome, Failed):
            outcome = record.outcome
            key = (not outcome.blocked, words.trouble(outcome), outcome.message)
            groups.setdefault(key, []).append(record.cell.name)
    return tuple(
        f"- **{status}**, {words.plural(len(names), 'cell')}: {escape(message)}\n  {_named(names)}"
        for (_, status, message), names in sorted(groups.items())
    )


def not_run(cells: Sequence[Cell], records: Iterable[Record]) -> tuple[str, ...]:
    """Return one bullet per measure with planned cells that have no record at all."""
    tried = {record.cell_key for record in records}
    groups: dict[str, list[str]] = {}
    for cell in cells:
        if cell.key not in tried:
            groups.setdefault(cell.measure, []).append(cell.name)
    return tuple(
        f"- {measure}, {words.plural(len(names), 'cell')}: {_named(names)}"
        for measure, names in groups.items()
    )


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:NAMED])
    return f"{shown} and {len(names) - NAMED:,} more" if len(names) > NAMED else shown

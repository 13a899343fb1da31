"""A table as data: columns, rows of text, and footnotes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

MISSING = "—"


@dataclass(frozen=True, slots=True)
class Column:
    """A header and the side its cells lean to."""

    header: str
    right: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table; `intro` says how to read it, `footnotes` are numbered from 1."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    intro: str = ""
    footnotes: tuple[str, ...] = ()


def without_empty(table: Table) -> Table:
    """Leave out the number columns in which no row has a value."""
    kept = [
        place
        for place, column in enumerate(table.columns)
        if not column.right or any(row[place] != MISSING for row in table.rows)
    ]
    rows = tuple(tuple(row[place] for place in kept) for row in table.rows)
    return replace(table, columns=tuple(table.columns[place] for place in kept), rows=rows)


def once(rows: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Blank the first cell of every row that begins like the row above it."""
    above = [("",), *rows]
    return tuple(
        ("", *row[1:]) if row[0] == before[0] else row for before, row in zip(above, rows, strict=False)
    )


class Footnotes:
    """Collects the footnotes of one table; the same text is always the same number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, *texts: str | None) -> str:
        """Return `" [1][2]"` for the texts that are not empty, or an empty string."""
        found = [self._numbers.setdefault(text, len(self._numbers) + 1) for text in texts if text]
        return " " + "".join(f"[{number}]" for number in found) if found else ""

    @property
    def texts(self) -> tuple[str, ...]:
        """All footnotes in the order of their numbers."""
        return tuple(self._numbers)


def columns(left: tuple[str, ...], right: tuple[str, ...], last: tuple[str, ...]) -> tuple[Column, ...]:
    """Return text columns, then number columns, then text columns."""
    return (*map(Column, left), *(Column(name, right=True) for name in right), *map(Column, last))

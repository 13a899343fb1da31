"""A table as data: columns, rows of text, and footnotes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

MISSING = "—"
NOTHING = {"", MISSING}


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
    """Leave out the columns in which no row has anything."""
    return _keep(table, [place for place in range(len(table.columns)) if _values(table, place) - NOTHING])


def without_constant(table: Table, headers: Collection[str]) -> Table:
    """Leave out those of some columns that say the same in every row, and say it once in the intro."""
    names = [column.header for column in table.columns]
    constant = [
        place
        for place, name in enumerate(names)
        if name in headers and len(_values(table, place) - {""}) == 1
    ]
    if len(table.rows) < 2 or not constant:
        return table
    said = ", ".join(f"{names[place].lower()} {table.rows[0][place]}" for place in constant)
    kept = _keep(table, [place for place in range(len(names)) if place not in constant])
    return replace(kept, intro=f"{table.intro} In every row: {said}.".strip())


def _values(table: Table, place: int) -> set[str]:
    return {row[place] for row in table.rows}


def _keep(table: Table, places: Sequence[int]) -> Table:
    rows = tuple(tuple(row[place] for place in places) for row in table.rows)
    return replace(table, columns=tuple(table.columns[place] for place in places), rows=rows)


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
        """Return `" [1][2]"` for the texts that are not empty, numbers ascending, or an empty string."""
        found = {self._numbers.setdefault(text, len(self._numbers) + 1) for text in texts if text}
        return " " + "".join(f"[{number}]" for number in sorted(found)) if found else ""

    @property
    def texts(self) -> tuple[str, ...]:
        """All footnotes in the order of their numbers."""
        return tuple(self._numbers)


def columns(left: tuple[str, ...], right: tuple[str, ...], last: tuple[str, ...]) -> tuple[Column, ...]:
    """Return text columns, then number columns, then text columns."""
    return (*map(Column, left), *(Column(name, right=True) for name in right), *map(Column, last))

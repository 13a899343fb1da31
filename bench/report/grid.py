"""Markdown of one table, aligned so that the source reads well too."""

from __future__ import annotations

from collections.abc import Sequence

from bench.report.table import Table


def escape(text: str) -> str:
    """Make text safe for a table cell: one line, no cell separator, no tag, no emphasis by stars."""
    line = " ".join(text.split())
    for character in "\\|<*`":
        line = line.replace(character, f"\\{character}")
    return line


def grid(table: Table) -> str:
    """Return heading, intro, table and footnotes, without a newline at the end."""
    header = [escape(column.header) for column in table.columns]
    rows = [[escape(cell) for cell in row] for row in table.rows]
    widths = [max(3, *map(len, cells)) for cells in zip(header, *rows, strict=True)]
    sides = [column.right for column in table.columns]
    rule = [
        "-" * (width - 1) + ":" if right else "-" * width for width, right in zip(widths, sides, strict=True)
    ]
    body = "\n".join(_line(cells, widths, sides) for cells in (header, rule, *rows))
    notes = "\n".join(f"- [{number}] {escape(text)}" for number, text in enumerate(table.footnotes, start=1))
    return "\n\n".join(part for part in (f"### {escape(table.title)}", table.intro, body, notes) if part)


def _line(cells: Sequence[str], widths: Sequence[int], sides: Sequence[bool]) -> str:
    padded = (
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, sides, strict=True)
    )
    return f"| {' | '.join(padded)} |"

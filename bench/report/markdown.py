"""The whole report as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

from bench.catalog.reported import Reported
from bench.compare.pairing import claims
from bench.compare.verdict import Status
from bench.report import words
from bench.report.choose import Section, sections
from bench.report.grid import escape, grid
from bench.report.provenance import provenance
from bench.report.published import shown_ratios
from bench.report.tables import tables
from bench.report.trouble import not_run, trouble
from bench.spec.cell import Cell
from bench.spec.record import Failed, Measured, Record


def report(
    suite: str,
    description: str,
    cells: Sequence[Cell],
    records: Iterable[Record],
    reported: Sequence[Reported],
) -> str:
    """Return the Markdown report of a suite's planned cells, one section per machine.

    Records of other cells are ignored. The same cells, records and reported rows give the same
    text whatever the order of the records.
    """
    found = sections(cells, records)
    shown = tuple(record for section in found for record in section.records)
    parts = [f"# {escape(suite)}", escape(description), *_summary(cells, shown)]
    for section in found:
        parts += _section(section, reported)
    parts += _titled("## Not run yet", not_run(cells, shown))
    parts += _titled("## Sources", _sources(shown, reported))
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(cells: Sequence[Cell], records: Sequence[Record]) -> Iterator[str]:
    measured = {record.cell_key for record in records if isinstance(record.outcome, Measured)}
    tried = {record.cell_key: record.outcome for record in records if record.cell_key not in measured}
    blocked = sum(isinstance(outcome, Failed) and outcome.blocked for outcome in tried.values())
    counts = {
        "blocked": blocked,
        "failed": len(tried) - blocked,
        "not run yet": len(cells) - len(measured) - len(tried),
    }
    rest = "".join(f", {number:,} {name}" for name, number in counts.items() if number)
    yield f"**{len(measured):,} of {words.plural(len(cells), 'planned cell')} measured**{rest}."


def _section(section: Section, reported: Sequence[Reported]) -> Iterator[str]:
    yield f"## {escape(section.title)}"
    yield _tally(section.records, reported)
    yield from (grid(table) for table in tables(section, reported))
    yield from _titled("### Without a result", trouble(section.records))
    yield from _titled("### Where these figures come from", provenance(section))


def _tally(records: Sequence[Record], reported: Sequence[Reported]) -> str:
    statuses = Counter(
        claim.verdict.status
        for record in records
        if isinstance(record.outcome, Measured)
        for claim in claims(record, reported)
    )
    counted = [f"{statuses[status]:,} {status}" for status in get_args(Status) if statuses[status]]
    return (
        f"Against every reported accuracy, parameter count and MACs: {', '.join(counted)}." if counted else ""
    )


def _sources(records: Sequence[Record], reported: Sequence[Reported]) -> tuple[str, ...]:
    measured = [record for record in records if isinstance(record.outcome, Measured)]
    rows = [claim.reported for record in measured for claim in claims(record, reported)]
    rows += [ratio.reported for ratio in shown_ratios(measured, reported)]
    return tuple(sorted({f"- {escape(words.full_source(row))}" for row in rows if row is not None}))


def _titled(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield title
        yield "\n".join(lines)

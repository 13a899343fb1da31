"""Paired comparisons: two models, or two runs of one, on the same images."""

from __future__ import annotations

from collections.abc import Sequence

from bench.compare.paired import EXACT_UP_TO, Paired, compare_bits, has_bits
from bench.compare.pairing import crop_of
from bench.compare.pairs import ALL_PAIRS_OF, LEVEL, NEAREST, Group, groups
from bench.report import words
from bench.report.choose import Section
from bench.report.order import by_family
from bench.report.origins import Origins
from bench.report.table import MISSING, Footnotes, Table, columns
from bench.spec.comparability import apart
from bench.spec.errors import UserError
from bench.spec.record import Record

SMALLEST_P = 1e-12
TEST = (
    "McNemar's test on top-1: two-sided p-value for both being right equally often, from the images on which "
    f"only one of them is right; binomial up to {EXACT_UP_TO:,} such images, beyond it chi-square with "
    "Edwards' correction."
)
MODEL_COLUMNS = columns(
    ("Model", "Against"),
    ("Only the model right (images)", "Only the other right (images)", "Difference (points)", "p"),
    ("Told apart",),
)
MODEL_INTRO = f"{TEST} The models are in the order of their top-1."
NIGHT_COLUMNS = columns(
    ("Model", "Size (px)", "Crop", "Precision", "Before", "This run"),
    ("Images", "Now right (images)", "No longer right (images)", "p"),
    (),
)


def paired_tables(section: Section) -> tuple[Table, ...]:
    """Return a table per group of models on the same images, and one per task for runs repeated here."""
    records = by_family(words.of_measure(section.records, "accuracy"))
    repeated = [record for record in records if _repeated(record, section)]
    tasks = dict.fromkeys(record.cell.task for record in repeated)
    return (
        *(_models(group) for group in groups(records)),
        *(_nights([each for each in repeated if each.cell.task == task], section) for task in tasks),
    )


def _repeated(record: Record, section: Section) -> bool:
    before = section.before.get(record.cell_key)
    return before is not None and has_bits(record) and has_bits(before)


def _models(group: Group) -> Table:
    notes, origins = Footnotes(), Origins(group.records)
    first = group.records[0]
    rows = tuple(
        (
            _label(pair.better, notes, origins),
            _label(pair.other, notes, origins),
            f"{pair.found.only_first:,}",
            f"{pair.found.only_second:,}",
            f"{100 * (pair.found.only_first - pair.found.only_second) / pair.found.images:.2f}",
            _p(pair.found.p_value),
            "yes" if pair.found.p_value < group.threshold else "no",
        )
        for pair in group.pairs
    )
    conditions = f"{words.size(first.cell)} px, crop {crop_of(first)}, {first.cell.precision}"
    images = words.plural(group.pairs[0].found.images, "image")
    title = f"Pairs of models: {first.provenance.task.label}, {conditions} ({images})"
    return Table(title, MODEL_COLUMNS, rows, f"{MODEL_INTRO} {_reach(group)}", notes.texts)


def _reach(group: Group) -> str:
    told = (
        f"Told apart: p below {group.threshold:.2g}, which is {100 * LEVEL:g} % over the "
        f"{words.plural(group.possible, 'pair')} of this group."
    )
    if len(group.records) <= ALL_PAIRS_OF:
        return told
    return f"Each model stands against the next {NEAREST} only. {told}"


def _nights(records: Sequence[Record], section: Section) -> Table:
    notes = Footnotes()
    rows = tuple(_night(record, section.before[record.cell_key], notes) for record in records)
    title = f"This run against the one before: {records[0].provenance.task.label}"
    return Table(title, NIGHT_COLUMNS, rows, TEST, notes.texts)


def _night(record: Record, before: Record, notes: Footnotes) -> tuple[str, ...]:
    cell = record.cell
    found = _compared(record, before)
    moved = None if found else "other images, or another order, than in the run before"
    return (
        record.provenance.card.label
        + notes.mark(words.weights(cell), ", ".join(apart(before, record)), moved),
        words.size(cell),
        str(crop_of(record)),
        cell.precision,
        *(each.provenance.started_utc[:10] for each in (before, record)),
        *(_counts(found) if found else [MISSING] * 4),
    )


def _compared(record: Record, before: Record) -> Paired | None:
    try:
        return compare_bits(record, before)
    except UserError:
        return None


def _counts(found: Paired) -> tuple[str, str, str, str]:
    return f"{found.images:,}", f"{found.only_first:,}", f"{found.only_second:,}", _p(found.p_value)


def _label(record: Record, notes: Footnotes, origins: Origins) -> str:
    return record.provenance.card.label + notes.mark(words.weights(record.cell), *origins.of(record))


def _p(value: float) -> str:
    """Write a p-value with two digits; how far below the bound it lies says nothing any more."""
    if value < SMALLEST_P:
        return f"< {SMALLEST_P:g}"
    return f"{value:.3f}" if value >= 0.1 else f"{value:.2g}"

"""Accuracy tables: one per task, a line for every reported value."""

from __future__ import annotations

from collections.abc import Sequence

from bench.catalog.reported import Reported
from bench.compare.pairing import claims, crop_of, partial
from bench.metrics.accuracy import NEAR_POINTS, SLACK_POINTS
from bench.metrics.segmentation import MIOU
from bench.report import words
from bench.report.against import lines
from bench.report.origins import Origins
from bench.report.table import Footnotes, Table, columns, without_empty
from bench.spec.record import Record

COLUMNS = columns(
    ("Model", "Size (px)", "Crop", "Precision", "Metric"),
    ("Measured", "Reported", "Difference"),
    ("Verdict", "Source"),
)
CLASSIFIED = (
    "Differences are in points. ± is the binomial standard error over images; it does not apply between runs "
    "of the same weights. "
    f"Reproduced: within half a printed digit plus {SLACK_POINTS} points. Near: within {NEAR_POINTS} points. "
    "Not comparable: the conditions differ, so the difference would mean nothing."
)
DENSE = (
    "Differences are in points. "
    f"Reproduced: within half a printed digit plus {MIOU.slack} points. Near: within {MIOU.near} points. "
    "Not comparable: the conditions differ, so the difference would mean nothing."
)


def accuracy_tables(records: tuple[Record, ...], reported: Sequence[Reported]) -> tuple[Table, ...]:
    """Return one table per task, tasks and models in the order of the records."""
    scored = words.of_measure(records, "accuracy")
    tasks = dict.fromkeys(record.cell.task for record in scored)
    return tuple(
        _table([record for record in scored if record.cell.task == task], reported) for task in tasks
    )


def _table(records: Sequence[Record], reported: Sequence[Reported]) -> Table:
    notes, origins = Footnotes(), Origins(records)
    rows: list[tuple[str, ...]] = []
    for record in records:
        rows += _lines(record, reported, notes, origins.of(record))
    task = records[0].provenance.task
    title = f"Accuracy: {task.label} ({words.plural(task.images, 'image')})"
    intro = CLASSIFIED if task.kind == "classification" else DENSE
    return without_empty(Table(title, COLUMNS, tuple(rows), intro, notes.texts))


def _lines(
    record: Record, reported: Sequence[Reported], notes: Footnotes, origin: Sequence[str]
) -> list[tuple[str, ...]]:
    cell = record.cell
    label = record.provenance.card.label + notes.mark(words.weights(cell), words.choices(cell), *origin)
    overridden = "crop set by the suite, not the published one" if cell.crop_pct is not None else None
    # detectors and segmentors see whole images
    cropped = record.provenance.task.kind == "classification"
    crop = f"{crop_of(record)}{notes.mark(overridden)}" if cropped else ""
    head = (label, words.size(cell), crop, cell.precision)
    return lines(head, claims(record, reported), notes, partial(record))

"""The overview: one row per model and size, the most telling figure of every measure side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.catalog.reported import Reported
from bench.compare.pairing import partial
from bench.metrics.registry import metrics
from bench.report import words
from bench.report.table import MISSING, Footnotes, Table, columns
from bench.spec.card import ModelCard
from bench.spec.cell import PUBLISHED, Cell, Measure
from bench.spec.record import Measured, Record

FIGURES: tuple[tuple[Measure, str], ...] = (
    ("complexity", "params"),
    ("complexity", "macs"),
    ("throughput", "throughput_img_s"),
    ("latency", "latency_s"),
    ("memory", "peak_allocated_bytes"),
)
COLUMNS = columns(
    ("Model", "Family", "Size (px)"),
    ("Top-1 measured (%)", "Top-1 reported (%)", *(metrics()[name].title for _, name in FIGURES)),
    ("Setting",),
)
INTRO = (
    "Ordered by size, then by top-1 (measured, else the lowest reported). Several reported values are those "
    "of different sources. Speed and memory are those of the setting named last; others stand below."
)
Setting = tuple[str, str, str, str]
Row = tuple[str, ...]


def overview_table(records: tuple[Record, ...], reported: Sequence[Reported]) -> tuple[Table, ...]:
    """Return one table over all measures, or nothing where fewer than two models have a figure."""
    measured = [record for record in records if isinstance(record.outcome, Measured)]
    places = dict.fromkeys((r.cell.checkpoint, r.cell.height_px, r.cell.width_px) for r in measured)
    if len({place[0] for place in places}) < 2:
        return ()
    notes = Footnotes()
    rows = [_row([r for r in measured if _place(r.cell) == place], reported, notes) for place in places]
    ordered = tuple(row for _, row in sorted(rows, key=lambda pair: pair[0]))
    return (Table("Overview", COLUMNS, ordered, INTRO, notes.texts),)


def _place(cell: Cell) -> tuple[str, int, int]:
    return cell.checkpoint, cell.height_px, cell.width_px


def _row(
    records: Sequence[Record], reported: Sequence[Reported], notes: Footnotes
) -> tuple[tuple[object, ...], Row]:
    first = records[0]
    card, cell = first.provenance.card, first.cell
    setting = next((_setting(r.cell) for r in records if r.cell.measure in ("throughput", "memory")), None)
    top1 = _top1(records)
    claimed = _claimed(card, cell, reported)
    score = top1 if top1 is not None else min(map(float, claimed), default=0.0)
    row = (
        card.label,
        card.family,
        words.size(cell),
        MISSING if top1 is None else metrics()["top1_percent"].show(top1),
        " / ".join(claimed) or MISSING,
        *(_figure(records, measure, name, setting) for measure, name in FIGURES),
        MISSING if setting is None else _words(setting, notes),
    )
    return (cell.height_px * cell.width_px, words.size(cell), -score, card.label), row


def _top1(records: Iterable[Record]) -> float | None:
    for record in records:
        scored = record.cell.measure == "accuracy" and not partial(record)
        if scored and record.cell.weights == PUBLISHED and isinstance(record.outcome, Measured):
            return record.outcome.values.get("top1_percent")
    return None


def _claimed(card: ModelCard, cell: Cell, reported: Sequence[Reported]) -> tuple[str, ...]:
    texts = (
        row.text
        for row in reported
        if (row.checkpoint, row.metric, row.task) == (card.key, "top1_percent", cell.task)
        and (row.height_px, row.width_px) == (cell.height_px, cell.width_px)
    )
    return tuple(dict.fromkeys(texts))


def _setting(cell: Cell) -> Setting:
    return cell.protocol, cell.precision, cell.mode, cell.memory_format


def _figure(records: Sequence[Record], measure: Measure, name: str, setting: Setting | None) -> str:
    for record in records:
        same = measure == "complexity" or _setting(record.cell) == setting
        if record.cell.measure == measure and same and isinstance(record.outcome, Measured):
            value = record.outcome.values.get(name)
            return MISSING if value is None else metrics()[name].show(value)
    return MISSING


def _words(setting: Setting, notes: Footnotes) -> str:
    protocol, precision, mode, memory_format = setting
    extras = [text for text in (mode, memory_format.replace("_", " ")) if text not in ("eager", "contiguous")]
    return " ".join([precision, *extras]) + notes.mark(f"protocol {protocol}")

"""Speed and memory beside published figures: ratios, never verdicts."""

from __future__ import annotations

from collections.abc import Sequence

from bench.catalog.reported import Reported
from bench.compare.ratio import Ratio, ratios
from bench.metrics.metric import rounded
from bench.report import words
from bench.report.origins import Origins
from bench.report.setting import weights
from bench.report.table import MISSING, Footnotes, Table, columns
from bench.spec.record import Record

COLUMNS = columns(
    ("Model", "Size (px)", "Precision", "Mode", "Metric"),
    ("Measured", "Reported", "Ratio"),
    ("Differs in (theirs)", "Not stated", "Source"),
)
INTRO = (
    "Ratio: measured over reported. Figures of another GPU, batch or software are another class: the ratio "
    "puts them in proportion and is no verdict."
)


def published_table(records: tuple[Record, ...], reported: Sequence[Reported]) -> tuple[Table, ...]:
    """Return the ratios to published figures of the same precision and mode, or nothing without any."""
    close = shown_ratios(records, reported)
    if not close:
        return ()
    left_out = sum(len(ratios(record, reported)) for record in records) - len(close)
    held = weights([ratio.record for ratio in close])
    intro = f"{INTRO} Measured with {held}."
    if left_out:
        figures = words.plural(left_out, "figure")
        intro += f" Left out: {figures} at another precision, or compiled where this is eager or the reverse."
    notes, origins = Footnotes(), Origins([ratio.record for ratio in close])
    rows: list[tuple[str, ...]] = []
    for number, ratio in enumerate(close):
        same = number > 0 and _subject(close[number - 1]) == _subject(ratio)
        rows.append(_row(ratio, notes, same, origins))
    return (Table("Speed and memory beside published figures", COLUMNS, tuple(rows), intro, notes.texts),)


def shown_ratios(records: Sequence[Record], reported: Sequence[Reported]) -> tuple[Ratio, ...]:
    """Return the ratios to figures that are not known to be of another precision or mode."""
    return tuple(ratio for record in records for ratio in ratios(record, reported) if _same_kind(ratio))


def _same_kind(ratio: Ratio) -> bool:
    row, cell = ratio.reported, ratio.record.cell
    return row.precision in (None, cell.precision) and row.mode in (None, cell.mode)


def _subject(ratio: Ratio) -> tuple[str, str]:
    return ratio.record.cell_key, ratio.metric.name


def _row(ratio: Ratio, notes: Footnotes, same: bool, origins: Origins) -> tuple[str, ...]:
    cell, metric, row = ratio.record.cell, ratio.metric, ratio.reported
    card = ratio.record.provenance.card
    unit = f" {metric.unit}" if metric.unit else ""
    label = "" if same else card.label + notes.mark(*origins.of(ratio.record))
    head = (label, words.size(cell), cell.precision, cell.mode, metric.label)
    measured = f"{metric.show(ratio.measured)}{unit}"
    return (
        *([""] * len(head) if same else head),
        "" if same else measured,
        f"{row.text} {row.unit}{notes.mark(row.note)}",
        rounded(ratio.ratio, 2),
        ", ".join(ratio.differs) or MISSING,
        ", ".join(ratio.unstated) or MISSING,
        words.source(row, card),
    )

"""Speed and memory beside published figures: ratios, never verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.catalog.reported import Reported
from bench.compare.ratio import Ratio, ratios
from bench.metrics.metric import rounded
from bench.report import words
from bench.report.origins import Origins
from bench.report.setting import batch, setting, weights
from bench.report.table import Footnotes, Table, columns, without_constant
from bench.spec.record import Record

CONDITIONS = ("Protocol", "Precision", "Mode", "Layout", "Batch")
COLUMNS = columns(
    ("Model", "Size (px)", *CONDITIONS, "Metric"),
    ("Measured", "Reported", "Ratio"),
    ("Comparability class", "Source"),
)
INTRO = (
    "Ratio: measured over reported. It puts figures of another class (GPU, batch, layout or protocol: theirs "
    "is named) in proportion and is no verdict. Their software is in the footnotes where it is stated."
)


def published_table(records: tuple[Record, ...], reported: Sequence[Reported]) -> tuple[Table, ...]:
    """Return the ratios to published figures of the same precision and mode, or nothing without any."""
    close = shown_ratios(records, reported)
    if not close:
        return ()
    left_out = sum(len(ratios(record, reported)) for record in records) - len(close)
    silent = frozenset.intersection(*(frozenset(ratio.unstated) for ratio in close))
    notes, origins = Footnotes(), Origins([ratio.record for ratio in close])
    rows: list[tuple[str, ...]] = []
    for number, ratio in enumerate(close):
        same = number > 0 and _subject(close[number - 1]) == _subject(ratio)
        rows.append((*_head(ratio, notes, same, origins), *_beside(ratio, notes, silent)))
    intro = " ".join(
        [INTRO, f"Measured with {weights([ratio.record for ratio in close])}.", *_rest(left_out, silent)]
    )
    table = Table("Speed and memory beside published figures", COLUMNS, tuple(rows), intro, notes.texts)
    return (without_constant(table, CONDITIONS),)


def _rest(left_out: int, silent: frozenset[str]) -> Iterator[str]:
    if silent:
        yield f"No source here states: {', '.join(sorted(silent))}."
    if left_out:
        figures = words.plural(left_out, "figure")
        yield f"Left out: {figures} at another precision, or compiled where this is eager or the reverse."


def shown_ratios(records: Sequence[Record], reported: Sequence[Reported]) -> tuple[Ratio, ...]:
    """Return the ratios to figures that are not known to be of another precision or mode."""
    return tuple(ratio for record in records for ratio in ratios(record, reported) if _same_kind(ratio))


def _same_kind(ratio: Ratio) -> bool:
    row, cell = ratio.reported, ratio.record.cell
    return row.precision in (None, cell.precision) and row.mode in (None, cell.mode)


def _subject(ratio: Ratio) -> tuple[str, str]:
    return ratio.record.cell_key, ratio.metric.name


def _head(ratio: Ratio, notes: Footnotes, same: bool, origins: Origins) -> tuple[str, ...]:
    if same:
        return ("",) * (len(CONDITIONS) + 4)
    cell, metric = ratio.record.cell, ratio.metric
    label = ratio.record.provenance.card.label + notes.mark(*origins.of(ratio.record))
    measured = f"{metric.show(ratio.measured)} {metric.unit}".strip()
    measured += notes.mark(words.doubt(ratio.record, metric.name))
    protocol, mode, memory_format = setting(cell)
    images = "1" if cell.measure == "latency" else batch(ratio.record)
    conditions = (protocol, cell.precision, mode, memory_format.replace("_", " "), images)
    return label, words.size(cell), *conditions, metric.label, measured


def _beside(ratio: Ratio, notes: Footnotes, silent: frozenset[str]) -> tuple[str, ...]:
    row, card = ratio.reported, ratio.record.provenance.card
    name = words.other_name(row, card)
    cited = f"{words.place(row)}; {row.note}" if row.note else words.place(row)
    return (
        f"{row.text} {row.unit}",
        rounded(ratio.ratio, 2),
        _class(ratio, silent),
        ((f"as {name}" if name else "") + notes.mark(cited)).strip(),
    )


def _class(ratio: Ratio, silent: frozenset[str]) -> str:
    if ratio.same_class:
        return "same"
    unstated = [name for name in ratio.unstated if name not in silent]
    parts = [*ratio.differs, *([f"not stated: {', '.join(unstated)}"] if unstated else [])]
    return "; ".join(parts) or "same in all that is stated"

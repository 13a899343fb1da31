"""The overviews: the most telling figure of every measure, all models of one task, size and precision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from bench.catalog.reported import Reported
from bench.compare.pairing import crop_of, partial, rows_about
from bench.metrics.metric import Metric
from bench.metrics.registry import metrics
from bench.report import words
from bench.report.order import size_order
from bench.report.origins import Origins
from bench.report.setting import batches, setting
from bench.report.table import MISSING, Footnotes, Table, columns, once, without_empty
from bench.spec.cell import PUBLISHED, Cell, Measure
from bench.spec.record import Measured, Record

FIGURES = ("params", "macs", "throughput_img_s", "latency_s", "peak_allocated_bytes")
SCORES = tuple(metric for metric in metrics().values() if metric.headline)
COLUMNS = columns(
    ("Family", "Model"),
    (
        "Crop",
        *(f"{metric.label} {how} ({metric.unit})" for metric in SCORES for how in ("measured", "reported")),
        *(metrics()[name].title for name in FIGURES),
    ),
    (),
)
INTRO = (
    "One family after the other, the smallest model first. Several reported values are those of different "
    "sources; those of another crop are not here but in the table of accuracy."
)
TIMED = ("throughput", "latency", "memory")
Place = tuple[str, int, int, str]
Size = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class _Line:
    """One checkpoint at one task, size, precision and crop, with a record per measure."""

    crop: Decimal
    first: Record
    found: Mapping[Measure, Record]


def overview_tables(records: Sequence[Record], reported: Sequence[Reported]) -> tuple[Table, ...]:
    """Return a table per task, size and precision at which two models or more have a figure.

    Scores of another task, size, precision or crop never share a row.
    """
    telling = [record for record in records if _telling(record)]
    counted = {_size(record.cell): record for record in telling if record.cell.portable}
    places: dict[Place, list[Record]] = {}
    for record in telling:
        if not record.cell.portable:
            places.setdefault(_place(record.cell), []).append(record)
    tasks = list(dict.fromkeys(task for task, *_ in places))
    ordered = sorted(places.values(), key=lambda at: (tasks.index(at[0].cell.task), *size_order(at[0])))
    lined_up = [tuple(_lines(at, counted)) for at in ordered]
    found = [_table(at, reported) for at in lined_up if len({_checkpoint(line) for line in at}) > 1]
    return (*(replace(first, intro=f"{INTRO} {first.intro}".strip()) for first in found[:1]), *found[1:])


def _telling(record: Record) -> bool:
    """Say whether a record can fill a cell: a part of a task, or other weights, have no score."""
    whole = record.cell.weights == PUBLISHED and not partial(record)
    return isinstance(record.outcome, Measured) and (record.cell.measure != "accuracy" or whole)


def _place(cell: Cell) -> Place:
    return cell.task, cell.height_px, cell.width_px, cell.precision


def _size(cell: Cell) -> Size:
    return cell.checkpoint, cell.height_px, cell.width_px


def _checkpoint(line: _Line) -> str:
    return line.first.cell.checkpoint


def _lines(records: Sequence[Record], counted: Mapping[Size, Record]) -> Iterator[_Line]:
    """Yield a line per checkpoint and crop; speed and memory are those of the first record's setting."""
    timed = [record for record in records if record.cell.measure != "accuracy"]
    usual = setting(timed[0].cell) if timed else None
    for checkpoint in dict.fromkeys(record.cell.checkpoint for record in records):
        own = [record for record in records if record.cell.checkpoint == checkpoint]
        scored = {crop_of(each): each for each in reversed(own) if each.cell.measure == "accuracy"}
        common: dict[Measure, Record] = {
            each.cell.measure: each
            for each in reversed(own)
            if each.cell.measure != "accuracy" and setting(each.cell) == usual
        }
        if not scored and not common:
            continue
        if _size(own[0].cell) in counted:
            common["complexity"] = counted[_size(own[0].cell)]
        for crop in sorted(scored) or [crop_of(own[0])]:
            found = {**common, "accuracy": scored[crop]} if crop in scored else common
            yield _Line(crop, own[0], found)


def _table(lines: Sequence[_Line], reported: Sequence[Reported]) -> Table:
    notes = Footnotes()
    shown = [each for line in lines for each in line.found.values()]
    origins = Origins(shown)
    first = lines[0].first
    task, cell = first.provenance.task, first.cell
    title = f"Overview: {task.label}, {words.size(cell)} px, {cell.precision}"
    mixed = len(batches(shown)) > 1
    rows = [_row(line, reported, notes.mark(*_notes(line, origins, mixed))) for line in lines]
    return without_empty(Table(title, COLUMNS, once(rows), _conditions(lines), notes.texts))


def _conditions(lines: Sequence[_Line]) -> str:
    timed = [found for line in lines for measure, found in line.found.items() if measure in TIMED]
    if not timed:
        return ""
    protocol, mode, memory_format = setting(timed[0].cell)
    found = batches(timed)
    parts = [f"protocol {protocol}", mode, memory_format.replace("_", " ")]
    parts += [f"batch {found[0]}"] if len(found) == 1 else []
    return f"Speed and memory: {', '.join(parts)}; other settings stand below."


def _notes(line: _Line, origins: Origins, mixed_batches: bool) -> tuple[str, ...]:
    own = batches(tuple(line.found.values())) if mixed_batches else ()
    return (*(f"batch {images}" for images in own), *origins.of(*line.found.values()))


def _row(line: _Line, reported: Sequence[Reported], marks: str) -> tuple[str, ...]:
    card = line.first.provenance.card
    scores = [text for metric in SCORES for text in _score(line, metric, reported)]
    crop = MISSING if set(scores) <= {MISSING} else str(line.crop)
    figures = [_figure(line, metrics()[name]) for name in FIGURES]
    return card.family, card.label + marks, crop, *scores, *figures


def _score(line: _Line, metric: Metric, reported: Sequence[Reported]) -> tuple[str, str]:
    rows = rows_about(line.first.cell, metric, reported)
    texts = dict.fromkeys(row.text for row in rows if row.crop_pct in (None, line.crop))
    return _figure(line, metric), " / ".join(texts) or MISSING


def _figure(line: _Line, metric: Metric) -> str:
    record = line.found.get(metric.measure)
    if record is None or not isinstance(record.outcome, Measured):
        return MISSING
    value = record.outcome.values.get(metric.name)
    return MISSING if value is None else metric.show(value)

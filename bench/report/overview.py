"""The overviews: the most telling figure of every measure, all models of one task, size and precision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench.catalog.reported import Reported
from bench.compare.pairing import rows_about
from bench.metrics.metric import Metric
from bench.metrics.registry import metrics
from bench.report import words
from bench.report.lineup import Line, line_up
from bench.report.origins import Origins
from bench.report.setting import all_random, batches, setting, weights, weights_of
from bench.report.table import MISSING, Footnotes, Table, columns, once, without_empty
from bench.spec.record import Measured, Record

FIGURES = (
    "params",
    "macs",
    "throughput_img_s",
    "fps_img_s",
    "fps_network_img_s",
    "backbone_img_s",
    "latency_s",
    "peak_allocated_bytes",
    "peak_network_allocated_bytes",
    "peak_process_bytes",
)
SCORES = tuple(metric for metric in metrics().values() if metric.headline)
COUNTED = ("params", "macs")
"""Figures of detectors and segmentors that have the reported ones beside; for classifiers those are below."""


def _titles(metric: Metric) -> tuple[str, ...]:
    beside = (f"{metric.label} reported ({metric.unit})",) if metric.name in COUNTED else ()
    return metric.title, *beside


COLUMNS = columns(
    ("Family", "Model"),
    (
        "Crop",
        *(f"{metric.label} {how} ({metric.unit})" for metric in SCORES for how in ("measured", "reported")),
        *(title for name in FIGURES for title in _titles(metrics()[name])),
    ),
    (),
)
INTRO = (
    "One family after the other, the smallest model first. Several reported values are those of different "
    "sources; those of another crop are not here but in the table of accuracy."
)


def overview_tables(records: Sequence[Record], reported: Sequence[Reported]) -> tuple[Table, ...]:
    """Return a table per task, size and precision at which two models or more have a figure.

    Scores of another task, size, precision or crop never share a row.
    """
    several = [lines for lines in line_up(records) if len({line.checkpoint for line in lines}) > 1]
    found = [_table(lines, reported) for lines in several]
    return (*(replace(first, intro=f"{INTRO} {first.intro}".strip()) for first in found[:1]), *found[1:])


def _table(lines: Sequence[Line], reported: Sequence[Reported]) -> Table:
    notes = Footnotes()
    first, timed = lines[0].first, [record for line in lines for record in line.timed]
    origins = Origins(record for line in lines for record in line.found.values())
    several, mixed = len(batches(timed)) > 1, not all_random(timed)
    rows = []
    for line in lines:
        marks = notes.mark(*_own_setting(line, several, mixed), *origins.of(*line.found.values()))
        rows.append(_row(line, reported, notes, marks))
    title = f"Overview: {first.provenance.task.label}, {words.size(first.cell)} px, {first.cell.precision}"
    return without_empty(Table(title, COLUMNS, once(rows), _conditions(timed), notes.texts))


def _conditions(timed: Sequence[Record]) -> str:
    if not timed:
        return ""
    protocol, mode, memory_format = setting(timed[0].cell)
    found = batches(timed)
    parts = [f"protocol {protocol}", mode, memory_format.replace("_", " "), weights(timed)]
    dense = timed[0].provenance.task.kind != "classification"
    at = "the backbone alone at batch" if dense else "batch"
    parts += [f"{at} {found[0]}"] if len(found) == 1 else []
    return f"Speed and memory: {', '.join(parts)}; other settings stand below."


def _own_setting(line: Line, several_batches: bool, mixed_weights: bool) -> Iterator[str]:
    """Yield the notes of a row whose batch or weights are not those of the whole table."""
    if several_batches:
        yield from (f"batch {images}" for images in batches(line.timed))
    if mixed_weights:
        yield from (weights_of(each) for each in line.timed[:1])


def _row(line: Line, reported: Sequence[Reported], notes: Footnotes, marks: str) -> tuple[str, ...]:
    card = line.first.provenance.card
    scores = [text for metric in SCORES for text in _score(line, metric, reported, notes)]
    crop = MISSING if set(scores) <= {MISSING} else str(line.crop)
    figures = [text for name in FIGURES for text in _beside(line, metrics()[name], reported, notes)]
    chosen = notes.mark(*dict.fromkeys(words.choices(each.cell) for each in line.found.values()))
    return card.family, card.label + chosen + marks, crop, *scores, *figures


def _score(line: Line, metric: Metric, reported: Sequence[Reported], notes: Footnotes) -> tuple[str, str]:
    rows = rows_about(line.first.cell, metric, reported)
    texts = dict.fromkeys(row.text for row in rows if row.crop_pct in (None, line.crop))
    return _figure(line, metric, notes), " / ".join(texts) or MISSING


def _beside(line: Line, metric: Metric, reported: Sequence[Reported], notes: Footnotes) -> tuple[str, ...]:
    """Write a figure, and where it is counted, what is reported of a detector or segmentor."""
    measured = _figure(line, metric, notes)
    if metric.name not in COUNTED:
        return (measured,)
    dense = line.first.provenance.task.kind != "classification"
    rows = rows_about(line.first.cell, metric, reported) if dense else ()
    return measured, " / ".join(dict.fromkeys(row.text for row in rows)) or MISSING


def _figure(line: Line, metric: Metric, notes: Footnotes) -> str:
    record = line.found.get(metric.measure)
    if record is None or not isinstance(record.outcome, Measured):
        return MISSING
    value = record.outcome.values.get(metric.name)
    return MISSING if value is None else metric.show(value) + notes.mark(words.doubt(record, metric.name))

"""How time and memory grow with the number of tokens, where models were measured at several sizes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.report import words
from bench.report.order import size_order
from bench.report.setting import Setting, setting
from bench.report.table import MISSING, Footnotes, Table, columns, once, without_empty
from bench.spec.record import Measured, Record

STRIDE_PX = 16
MOST = "max"
FEWEST_SIZES = 3
COLUMNS = columns(
    ("Model", "Size (px)"),
    (
        "Tokens",
        "Batch",
        "Time per image (ms)",
        "Time per token",
        "Peak allocated per image (MiB)",
        "Largest batch",
        "Time per image in it (ms)",
    ),
    (),
)
INTRO = (
    f"Tokens: patches of {STRIDE_PX} px, the grid of ViT and Vim and of the third stage of the others. Time "
    "per token is relative to that of the model's smallest size: 1 where time grows as the tokens do, more "
    "where it grows faster. Small batches fill a GPU less than large ones do, which raises it too; the "
    "largest batch that fits stands beside. Peak per image: weights included, over the batch."
)

Series = tuple[str, str | None, str, Setting]


@dataclass(frozen=True, slots=True)
class _Point:
    """One model at one size: throughput and memory at a chosen batch, throughput at the largest."""

    first: Record
    chosen: Record | None
    memory: Record | None
    largest: Record | None

    @property
    def tokens(self) -> int:
        cell = self.first.cell
        return math.prod(math.ceil(side / STRIDE_PX) for side in (cell.height_px, cell.width_px))

    @property
    def image_s(self) -> float | None:
        """Seconds per image at the chosen batch, else at the largest."""
        return _image_s(self.chosen or self.largest)


def growth_tables(records: Sequence[Record]) -> tuple[Table, ...]:
    """Return a table per precision and setting in which a model has three sizes or more, such models only."""
    series: dict[Series, list[Record]] = {}
    for record in records:
        if record.cell.measure in ("throughput", "memory") and isinstance(record.outcome, Measured):
            series.setdefault(_series(record), []).append(record)
    curves = {key: points for key, found in series.items() if len(points := _points(found)) >= FEWEST_SIZES}
    settings = dict.fromkeys((precision, where) for _, _, precision, where in curves)
    return tuple(
        _table(*key, [points for (_, _, *own), points in curves.items() if tuple(own) == key])
        for key in settings
    )


def _series(record: Record) -> Series:
    cell = record.cell
    return cell.checkpoint, words.choices(cell), cell.precision, setting(cell)


def _points(records: Sequence[Record]) -> tuple[_Point, ...]:
    sizes: dict[tuple[int, int], list[Record]] = {}
    for record in sorted(records, key=size_order):
        sizes.setdefault((record.cell.height_px, record.cell.width_px), []).append(record)
    return tuple(point for found in sizes.values() if (point := _point(found)).image_s)


def _point(records: Sequence[Record]) -> _Point:
    timed = [record for record in records if record.cell.measure == "throughput"]
    chosen = next((record for record in timed if record.cell.batch != MOST), None)
    batch = chosen.cell.batch if chosen else None
    memory = [each for each in records if each.cell.measure == "memory" and each.cell.batch == batch]
    largest = next((record for record in timed if record.cell.batch == MOST), None)
    return _Point(records[0], chosen, memory[0] if memory else None, largest)


def _table(precision: str, where: Setting, curves: Sequence[Sequence[_Point]]) -> Table:
    protocol, mode, memory_format = where
    notes = Footnotes()
    rows = [row for points in curves for row in _rows(points, notes)]
    named = ", ".join((f"protocol {protocol}", precision, mode, memory_format.replace("_", " ")))
    return without_empty(Table(f"Growth with the input: {named}", COLUMNS, once(rows), INTRO, notes.texts))


def _rows(points: Sequence[_Point], notes: Footnotes) -> Iterator[tuple[str, ...]]:
    least = points[0]
    for point in points:
        record = point.chosen or point.largest or point.first
        doubt = words.doubt(point.chosen, "throughput_img_s") if point.chosen else None
        yield (
            record.provenance.card.label + notes.mark(words.choices(record.cell)),
            words.size(record.cell),
            f"{point.tokens:,}",
            _images(point.chosen),
            _milliseconds(point.chosen) + notes.mark(doubt),
            f"{_per_token(point) / _per_token(least):.2f}",
            _peak_mib(point.memory),
            _images(point.largest) + notes.mark(*words.flags(point.largest)),
            _milliseconds(point.largest),
        )


def _per_token(point: _Point) -> float:
    return (point.image_s or math.nan) / point.tokens


def _values(record: Record | None) -> Mapping[str, float]:
    return record.outcome.values if record is not None and isinstance(record.outcome, Measured) else {}


def _image_s(record: Record | None) -> float | None:
    values = _values(record)
    return values["step_s"] / values["batch_images"] if {"step_s", "batch_images"} <= set(values) else None


def _milliseconds(record: Record | None) -> str:
    seconds = _image_s(record)
    return MISSING if seconds is None else f"{1000 * seconds:.3g}"


def _images(record: Record | None) -> str:
    found = _values(record).get("batch_images")
    return MISSING if found is None else f"{found:,.0f}"


def _peak_mib(record: Record | None) -> str:
    values = _values(record)
    if not {"peak_allocated_bytes", "batch_images"} <= set(values):
        return MISSING
    return f"{values['peak_allocated_bytes'] / values['batch_images'] / 2**20:.3g}"

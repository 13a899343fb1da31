"""Tonight against the last records that were taken under the same conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.compare.paired import compare_bits, has_bits
from bench.metrics.registry import metrics
from bench.metrics.spread import median, quartiles
from bench.spec.cell import Cell, Measure
from bench.spec.comparability import apart, comparability_class
from bench.spec.errors import UserError
from bench.spec.record import Failed, Measured, Record

ChangeStatus = Literal["same", "slower", "faster", "changed", "new", "vanished", "no earlier record"]

# Quartiles describe one process; fresh processes on one card differ by up to about this much.
SPEED_FLOOR = 0.03
EXACT: Mapping[Measure, tuple[str, ...]] = {
    "accuracy": ("top1_correct", "top5_correct", "images"),
    "memory": ("peak_allocated_bytes",),
    "complexity": ("params", "macs"),
}
TIMED: Mapping[Measure, str] = {
    "throughput": "throughput_img_s",
    "latency": "latency_s",
    "fps": "fps_img_s",
    "backbone_throughput": "backbone_img_s",
}


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one cell since the last record; `ratio` is time tonight over time before."""

    cell: Cell
    status: ChangeStatus
    reason: str
    ratio: float | None = None


def changes(tonight: Iterable[Record], earlier: Iterable[Record]) -> tuple[Change, ...]:
    """Compare the newest record of each cell with the newest earlier measured one of its class.

    Cells come in the order of their names; `earlier` must not hold tonight's records. A cell that was
    measured before and is failed or missing tonight has vanished.
    """
    now = {key: _newest(records) for key, records in _by_cell(tonight).items()}
    before = {
        key: measured
        for key, records in _by_cell(earlier).items()
        if (measured := [record for record in records if isinstance(record.outcome, Measured)])
    }
    found = [_change(record, before.get(key, [])) for key, record in now.items()]
    found += [
        Change(records[0].cell, "vanished", "measured before, not part of tonight")
        for key, records in before.items()
        if key not in now
    ]
    return tuple(sorted(found, key=lambda change: (change.cell.name, change.cell.key)))


def _change(record: Record, before: Sequence[Record]) -> Change:
    cell, outcome = record.cell, record.outcome
    if isinstance(outcome, Failed):
        status: ChangeStatus = "vanished" if before else "no earlier record"
        return Change(cell, status, f"no result tonight: {outcome.message}")
    if not before:
        return Change(cell, "new", "measured for the first time")
    wanted = comparability_class(record)
    last = _newest([other for other in before if comparability_class(other) == wanted] or before)
    if comparability_class(last) != wanted:
        found = ", ".join(apart(last, record))
        return Change(cell, "no earlier record", f"the last one was taken under other conditions: {found}")
    if cell.measure in TIMED:
        return _speed_change(record, outcome, last)
    return _exact_change(record, outcome, last)


def _speed_change(record: Record, outcome: Measured, last: Record) -> Change:
    now, then = _interval(record.cell, outcome), _interval(record.cell, last.outcome)
    if now is None or then is None:
        return Change(record.cell, "no earlier record", "one of the two records holds no step times")
    ratio = now[1] / then[1]
    reason = f"{ratio:.3f} of the time before"
    if 1 - SPEED_FLOOR <= ratio <= 1 + SPEED_FLOOR:
        return Change(record.cell, "same", f"{reason}, within {SPEED_FLOOR:.0%}", ratio)
    if now[0] <= then[2] and then[0] <= now[2]:
        return Change(record.cell, "same", f"{reason}, but the quartiles overlap", ratio)
    return Change(record.cell, "slower" if ratio > 1 else "faster", reason, ratio)


def _interval(cell: Cell, outcome: Measured | Failed) -> tuple[float, float, float] | None:
    """Return first quartile, median and third quartile of the step times in seconds."""
    if isinstance(outcome, Failed):
        return None
    step = metrics()[TIMED[cell.measure]].step
    name, iqr_name = f"{step}_s", f"{step}_iqr_s"
    samples = outcome.samples.get(name)
    if samples:
        low, high = quartiles(samples)
        return low, median(samples), high
    if name not in outcome.values:
        return None
    middle, half = outcome.values[name], outcome.values.get(iqr_name, 0.0) / 2
    return middle - half, middle, middle + half


def _exact_change(record: Record, outcome: Measured, last: Record) -> Change:
    then = last.outcome.values if isinstance(last.outcome, Measured) else {}
    shared = [name for name in EXACT[record.cell.measure] if name in outcome.values and name in then]
    if not shared:
        return Change(record.cell, "no earlier record", "the two records share no figure to compare")
    moved = [name for name in shared if outcome.values[name] != then[name]]
    texts = [f"{metrics()[name].label} from {then[name]:,} to {outcome.values[name]:,}" for name in moved]
    images = _images_changed(record, last)
    if not moved and not images:
        return Change(record.cell, "same", "exactly equal")
    return Change(record.cell, "changed", "; ".join(texts + ([images] if images else [])))


def _images_changed(record: Record, last: Record) -> str | None:
    if record.cell.measure != "accuracy" or not (has_bits(record) and has_bits(last)):
        return None
    try:
        changed = compare_bits(record, last).changed
    except UserError:
        return "other images, or another order"
    return f"{changed:,} images are now right or wrong that were not" if changed else None


def _by_cell(records: Iterable[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record.cell_key, []).append(record)
    return found


def _newest(records: Sequence[Record]) -> Record:
    return max(records, key=lambda record: (record.provenance.started_utc, record.host.machine))

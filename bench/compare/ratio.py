"""Speed and memory beside published figures: a ratio and what differs, never pass or fail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bench.catalog.reported import Reported
from bench.compare.pairing import rows_about
from bench.metrics.metric import Metric
from bench.metrics.registry import metrics
from bench.spec.record import Measured, Record

COMPARED = ("throughput_img_s", "latency_s", "fps_img_s", "peak_allocated_bytes")
# Words that make another product of a GPU's name.
OTHER_PRODUCT = frozenset(("laptop", "ti", "super", "d", "max", "q", "mobile", "mig"))


@dataclass(frozen=True, slots=True)
class Ratio:
    """Measured over reported, what is known to differ, and what the source does not state."""

    record: Record
    metric: Metric
    measured: float
    reported: Reported
    ratio: Decimal
    differs: tuple[str, ...]
    unstated: tuple[str, ...]

    @property
    def same_class(self) -> bool:
        """True where the source states every condition and each is the record's."""
        return not self.differs and not self.unstated


def ratios(record: Record, reported: Sequence[Reported]) -> tuple[Ratio, ...]:
    """Put every reported speed or memory figure of the same size beside a record's."""
    outcome = record.outcome
    if not isinstance(outcome, Measured):
        return ()
    return tuple(
        _ratio(record, outcome, metrics()[name], row)
        for name in COMPARED
        if name in outcome.values and metrics()[name].measure == record.cell.measure
        for row in rows_about(record.cell, metrics()[name], reported)
    )


def _ratio(record: Record, outcome: Measured, metric: Metric, row: Reported) -> Ratio:
    measured = outcome.values[metric.name]
    conditions = tuple(_conditions(record, outcome, row))
    differs = tuple(f"{name} ({theirs})" for name, theirs, same in conditions if theirs and not same)
    unstated = tuple(name for name, theirs, _ in conditions if not theirs)
    ratio = metric.in_unit(measured, row.unit) / row.value
    return Ratio(record, metric, measured, row, ratio, differs, unstated)


def _conditions(record: Record, outcome: Measured, row: Reported) -> Iterator[tuple[str, str | None, bool]]:
    """Yield name, what the source states (None where nothing), and whether it is the record's."""
    cell = record.cell
    batch = int(outcome.values.get("batch_images", 0)) or (cell.batch if isinstance(cell.batch, int) else 0)
    yield "GPU", row.hardware, same_gpu(row.hardware or "", record.host.gpu)
    yield "precision", row.precision, row.precision == cell.precision
    yield "batch", str(row.batch) if row.batch else None, row.batch == batch
    yield "mode", row.mode, row.mode == cell.mode
    yield "layout", row.memory_format, row.memory_format == cell.memory_format
    yield "protocol", row.protocol, row.protocol == cell.protocol


def same_gpu(printed: str, found: str | None) -> bool:
    """Say whether a printed name ("A100", "RTX 4090 + EPYC 7542") means the GPU that was found.

    Every printed word has to be in the full name, and no word may make it another product:
    "RTX 4090" is a "NVIDIA GeForce RTX 4090" but not a "NVIDIA GeForce RTX 4090 Laptop GPU".
    """
    wanted, words = _words(printed.partition(" + ")[0]), _words(found or "")
    return bool(wanted) and wanted <= words and not (words - wanted) & OTHER_PRODUCT


def _words(name: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z0-9]+", name.lower()))

"""The setting that speed and memory were measured in, in words."""

from __future__ import annotations

from collections.abc import Sequence

from bench.spec.cell import Cell
from bench.spec.record import Measured, Record

Setting = tuple[str, str, str]


def setting(cell: Cell) -> Setting:
    """Return protocol, mode and layout: what must be equal for two figures of one precision to compare."""
    return cell.protocol, cell.mode, cell.memory_format


def batch(record: Record) -> str:
    """Write the batch of a throughput or memory record in images, as it was where the cell says `max`."""
    outcome = record.outcome
    found = outcome.values.get("batch_images") if isinstance(outcome, Measured) else None
    images = found or record.cell.batch
    return images if isinstance(images, str) else f"{images:,}"


def batches(records: Sequence[Record]) -> tuple[str, ...]:
    """Return the distinct batches of throughput and memory records, in their order."""
    return tuple(
        dict.fromkeys(batch(each) for each in records if each.cell.measure in ("throughput", "memory"))
    )

"""The setting that speed and memory were measured in, in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from bench.spec.cell import PUBLISHED, RANDOM, Cell
from bench.spec.protocol import Protocol, TimingWindows
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
    """Return the distinct batches of throughput and memory records, in their order.

    Memory of detectors and segmentors is that of one image.
    """
    return tuple(dict.fromkeys(batch(each) for each in records if _batched(each)))


def _batched(record: Record) -> bool:
    if record.cell.measure == "memory":
        return record.provenance.task.kind == "classification"
    return record.cell.measure in {"throughput", "backbone_throughput"}


def steps(protocol: Protocol) -> dict[str, str]:
    """Say by figure what throughput, its range and latency are statistics of under a protocol."""
    timing = protocol.timing
    if not isinstance(timing, TimingWindows) and timing.synchronise == "once":
        return {
            "Throughput": "batch over the mean of all timed steps, which share one synchronisation",
            "Latency": "the mean of all timed steps at batch 1, which share one synchronisation",
        }
    windows = isinstance(timing, TimingWindows)
    series = "window means" if windows else "single steps"
    meaning = " (a window is many steps and one synchronisation)" if windows else ", each synchronised"
    return {
        "Throughput": f"batch over the {protocol.statistic} of {series}{meaning}",
        "IQR": f"interquartile range of the {series}, in percent of the step time",
        "Latency": f"the median of {series} at batch 1",
    }


def weights(records: Sequence[Record]) -> str:
    """Say what networks and inputs held while speed and memory were taken."""
    return "random weights and inputs" if all_random(records) else "random inputs"


def all_random(records: Sequence[Record]) -> bool:
    """Whether every network had random weights."""
    return all(record.cell.weights == RANDOM for record in records)


def weights_of(record: Record) -> str:
    """Name the weights of one speed or memory record."""
    own = record.cell.weights
    return f"{own} weights" if own in (PUBLISHED, RANDOM) else f"weights of {PurePath(own).name}"

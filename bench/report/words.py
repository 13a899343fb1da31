"""Words for what records hold as keys: flags, sources, conditions."""

from __future__ import annotations

from pathlib import PurePath, PurePosixPath

from bench.catalog.reported import Reported
from bench.metrics.registry import metrics
from bench.spec.card import ModelCard
from bench.spec.cell import PUBLISHED, RANDOM, Cell, Measure
from bench.spec.record import Failed, Measured, Record

FLAGS = {
    "cpu_bound": "launch-bound: the device waited for the CPU; another host would give another figure",
    "not_converged": "the spread was still above its target when the time was up",
    "warm_up_not_converged": "steps were still getting faster or slower when the time for warm-up was up",
    "power_capped": "the GPU held its clocks back to stay within its power limit, as it does under full load",
    "throttled": "the GPU held its clocks back for heat or power supply",
    "shared_gpu": "another process computed on the same GPU",
    "output_mismatch": "the output is further from eager fp32 than rounding explains: do not trust it",
    "energy_too_short": "timed for too short a time to tell the energy",
    "batch_not_verified": "the largest batch is a prediction that missed when it was verified",
    "batch_at_upper_bound": "a larger batch would fit, but none was tried",
    "partial": "only a part of the images was scored",
    "random_weights": "scored with random weights",
    "label_order_suspect": "close to chance: most likely the classes are in another order than the weights'",
    "corrupt_excluded": "images that cannot be decoded were left out, as many as the suite allows",
    "other_encoder": "the images are those of the known scores, but another JPEG library wrote their files: "
    "a few may score differently",
    "non_finite_logits": "some logits were not finite and count as wrong",
}
NETWORK = "network_"
"""What begins the flags of a detector or segmentor without its post-processing."""

UNCHECKED_LATENCY = (
    "latency: not known whether the GPU waited for the host, since the record is older than that check; "
    "at batch 1 it nearly always does, so read this as launch time"
)

SPREAD = 0.05
"""Interquartile range over median from which a timed figure is marked: steady ones stay far below."""
WIDE = (
    f"its windows spread by more than {SPREAD:.0%} (interquartile range): most likely a host that is busy "
    "at times"
)
READ_ONCE = "memory: the device was read once, after the steps, since the record is older than the polling"


def size(cell: Cell) -> str:
    """Write the input size in pixels: `224`, or height x width where they differ."""
    return f"{cell.height_px}" if cell.height_px == cell.width_px else f"{cell.height_px}x{cell.width_px}"


def flags(record: Record | None) -> tuple[str, ...]:
    """Return one sentence for every flag of a record, prefixed by its measure."""
    if record is None or not isinstance(record.outcome, Measured):
        return ()
    outcome = record.outcome
    found = [_flag(record.cell, flag) for flag in outcome.flags]
    if _unchecked(record.cell, outcome):
        found.append(UNCHECKED_LATENCY)
    if "peak_device_bytes" in outcome.values and "device_readings" not in outcome.details:
        found.append(READ_ONCE)
    return tuple(found)


def doubt(record: Record, figure: str) -> str | None:
    """Say that a figure is bound by the CPU or spreads widely; None where it is one of the device."""
    outcome = record.outcome
    if not isinstance(outcome, Measured):
        return None
    flag = f"{NETWORK}cpu_bound" if figure.startswith("fps_network_") else "cpu_bound"
    if flag in outcome.flags:
        return _flag(record.cell, flag)
    if _unchecked(record.cell, outcome):
        return UNCHECKED_LATENCY
    return f"{_part(record.cell, flag)}: {WIDE}" if (spread(record, figure) or 0.0) > SPREAD else None


def spread(record: Record | None, figure: str) -> float | None:
    """Return the interquartile range of the times of a figure over their median, or None without one."""
    step = metrics()[figure].step
    if record is None or not isinstance(record.outcome, Measured) or step is None:
        return None
    middle, between = (record.outcome.values.get(f"{step}{end}_s") for end in ("", "_iqr"))
    return between / middle if between is not None and middle else None


def _flag(cell: Cell, flag: str) -> str:
    name = flag.removeprefix(NETWORK)
    return f"{_part(cell, flag)}: {FLAGS.get(name, name.replace('_', ' '))}"


def _part(cell: Cell, flag: str) -> str:
    return cell.measure.replace("_", " ") + (" without post-processing" if flag.startswith(NETWORK) else "")


def _unchecked(cell: Cell, outcome: Measured) -> bool:
    checked = "cpu_bound" in outcome.flags or "window_lead_s" in outcome.samples
    return cell.measure == "latency" and cell.device == "cuda" and not checked


def weights(cell: Cell) -> str | None:
    """Say which weights an accuracy was measured with, or None for the published ones."""
    if cell.weights == PUBLISHED:
        return None
    if cell.weights == RANDOM:
        return "random weights: the figure only shows that the evaluation runs"
    return f"weights of {PurePath(cell.weights).name}"


def choices(cell: Cell) -> str | None:
    """Say what the suite chose for the network besides its size, or None for what is usual."""
    backend = "" if cell.scan_backend == "auto" else f"selective scan by {cell.scan_backend}"
    inverse = "true inverse of the v routes, not the published one" if cell.true_inverse else ""
    scales = "" if cell.scales == "single" else "mean over six scales and their mirror images"
    windows = {"auto": "", "whole": "whole images", "slide": "overlapping windows"}[cell.windows]
    return "; ".join(text for text in (backend, inverse, scales, windows) if text) or None


def source(row: Reported, card: ModelCard) -> str:
    """Write a source in short: repository and file or paper, place in it, and the name used there."""
    name = other_name(row, card)
    return f"{place(row)}, as {name}" if name else place(row)


def place(row: Reported) -> str:
    """Write where a row was read: repository and file or paper, and the place in it."""
    name = _short(row.source)
    return f"{name}, {row.where}" if row.where else name


def other_name(row: Reported, card: ModelCard) -> str | None:
    """Return what the source calls the checkpoint, or None where that is its name here too."""
    own_names = (card.label, card.key, card.ref, card.ref.partition(".")[0])
    words = row.label if row.variant is None else f"{row.label} ({row.variant})"
    return None if words in own_names else words


def full_source(row: Reported) -> str:
    """Write a source in full, with its edition or commit."""
    return f"{row.source}: {row.source_version}" if row.source_version else row.source


def _short(text: str) -> str:
    repository, colon, path = text.partition(":")
    if not colon or "/" not in repository:
        return text
    return f"{repository.partition('/')[2]}: {PurePosixPath(path).name}"


def trouble(outcome: Failed) -> str:
    """Write status and kind of a failure: `blocked (missing data)`."""
    status = "blocked" if outcome.blocked else "failed"
    return f"{status} ({outcome.reason.replace('_', ' ')})"


def plural(number: int, noun: str) -> str:
    """Write a count with its noun: `1 cell`, `2 cells`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def of_measure(records: tuple[Record, ...], *measures: Measure) -> tuple[Record, ...]:
    """Return the measured records of some measures."""
    return tuple(
        record
        for record in records
        if record.cell.measure in measures and isinstance(record.outcome, Measured)
    )

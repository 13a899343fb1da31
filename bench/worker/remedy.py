"""What makes a cell need less memory."""

from __future__ import annotations

from collections.abc import Iterator

from bench.spec.job import Job

WHOLE_NUMBERS = ("fp32", "tf32")
"""Precisions in which maps take four bytes a number."""


def remedy(job: Job) -> str:
    """Say what of a suite to change where a cell ran out of memory; only what applies to this cell."""
    if job.task.kind == "classification":
        return "lower `batch` for this model, or use `batch: max`"
    ways = list(_of_dense(job))
    return f"for this model set {' or '.join(ways)}" if ways else "it needs a device with more memory"


def _of_dense(job: Job) -> Iterator[str]:
    """Yield what helps a detector or segmentor, what changes the figure least first."""
    cell, card = job.cell, job.card
    if cell.measure == "backbone_throughput" and cell.batch != 1:
        yield "a smaller `batch`"
    if cell.precision in WHOLE_NUMBERS:
        yield "`precisions: [amp_fp16]`"
    if job.task.kind == "segmentation" and cell.measure == "accuracy":
        if card.any_size and cell.windows != "slide":
            yield "`windows: slide`"
        if cell.scales == "multi":
            yield "`scales: single`"
        # windows of one size, and images of their own sizes, do not follow that of the cell
        if not card.any_size or cell.scales == "multi":
            return
    yield f"`resolutions` below {cell.height_px}x{cell.width_px}"

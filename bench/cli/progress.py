"""What a person sees while a suite runs."""

from __future__ import annotations

import sys
from typing import TextIO

from tqdm import tqdm

from bench.cli.text import duration
from bench.metrics.registry import metrics
from bench.spec.cell import Cell, Measure
from bench.spec.record import Failed, Measured

# the first that a cell has is shown; a CPU has no allocator to ask
HEADLINES: dict[Measure, tuple[str, ...]] = {
    "accuracy": ("top1_percent", "miou_percent", "miou_ms_percent", "box_ap_percent"),
    "throughput": ("throughput_img_s",),
    "latency": ("latency_s",),
    "fps": ("fps_img_s",),
    "backbone_throughput": ("backbone_img_s",),
    "memory": ("peak_allocated_bytes", "peak_process_bytes"),
    "complexity": ("macs",),
}


class Progress:
    """A bar and a line per finished cell on a terminal; only the lines where output goes elsewhere."""

    def __init__(self, cells: int, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._bar = tqdm(
            total=cells, unit="cell", file=self._stream, disable=not self._stream.isatty(), leave=False
        )
        # which cell had a reason first, by the reason
        self._told: dict[str, Cell] = {}

    def cell_skipped(self, cell: Cell) -> None:
        """Count a cell that was measured before."""
        del cell
        self._bar.update()

    def cell_blocked(self, cell: Cell, outcome: Failed) -> None:
        """Say what a cell lacks."""
        self._say(self._no_result(cell, outcome))
        self._bar.update()

    def cell_started(self, cell: Cell) -> None:
        """Show the running cell beside the bar."""
        self._bar.set_postfix_str(cell.name)

    def cell_finished(self, cell: Cell, outcome: Measured | Failed, wall_s: float) -> None:
        """Write the main figure of a cell, or why it has none."""
        if isinstance(outcome, Measured):
            self._say(f"measured {cell.name}: {_headline(cell, outcome)} ({duration(wall_s)})")
        else:
            self._say(self._no_result(cell, outcome))
        self._bar.update()

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()

    def _say(self, text: str) -> None:
        self._bar.write(text, file=self._stream)

    def _no_result(self, cell: Cell, outcome: Failed) -> str:
        """Say what a cell lacks, at length only where no cell before lacked the same."""
        state = "blocked  " if outcome.blocked else "failed   "
        reason, first_line = outcome.reason.replace("_", " "), outcome.message.partition("\n")[0]
        first = self._told.setdefault(f"{reason}: {first_line}", cell)
        why = f"{reason}: {first_line}" if first is cell else f"{reason}, as {first.name}"
        return f"{state}{cell.name}: {why}"


class Silence:
    """No progress at all, for `--quiet`."""

    def cell_skipped(self, cell: Cell) -> None:
        """Say nothing."""

    def cell_blocked(self, cell: Cell, outcome: Failed) -> None:
        """Say nothing."""

    def cell_started(self, cell: Cell) -> None:
        """Say nothing."""

    def cell_finished(self, cell: Cell, outcome: Measured | Failed, wall_s: float) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Say nothing."""


def _headline(cell: Cell, outcome: Measured) -> str:
    found = [metrics()[name] for name in HEADLINES[cell.measure] if name in outcome.values]
    shown = [f"{metric.show(outcome.values[metric.name])} {metric.unit}" for metric in found[:1]]
    return " ".join([*shown, *(f"[{flag}]" for flag in outcome.flags)])

"""What a run tells whoever watches it; the run itself prints nothing."""

from __future__ import annotations

from typing import Protocol

from bench.spec.cell import Cell
from bench.spec.record import Failed, Measured


class Observer(Protocol):
    """A progress display, or nothing at all.

    Every planned cell is told of once: as skipped, as blocked, or as started and then
    finished. The cell that an interrupt stops is started and never finished.
    """

    def cell_skipped(self, cell: Cell) -> None:
        """Note a cell that was measured before."""

    def cell_blocked(self, cell: Cell, outcome: Failed) -> None:
        """Note a cell that cannot run on this machine; nothing was started for it."""

    def cell_started(self, cell: Cell) -> None:
        """Note a cell for which a worker is about to be started."""

    def cell_finished(self, cell: Cell, outcome: Measured | Failed, wall_s: float) -> None:
        """Note a cell whose record is on disk; `wall_s` includes the start of its worker."""

"""Which cells are done, which can run here, and how long they may take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Literal

from bench.spec.cell import Cell, Measure
from bench.spec.record import Host

State = Literal["ready", "done", "blocked"]


@dataclass(frozen=True)
class PlannedCell:
    """A cell, its state, the reason for it (empty where there is nothing to say) and its likely seconds."""

    cell: Cell
    state: State
    why: str
    estimate_s: float | None


@dataclass(frozen=True)
class Past:
    """What the store knows of one cell: whether it was measured, else why not; when, where, with what."""

    measured: bool
    reason: str | None
    wall_s: float
    message: str = ""
    host: Host | None = None
    started: datetime | None = None
    data_listing: str | None = None


def assess(
    cells: Sequence[Cell],
    past: Mapping[str, Past],
    obstacle: Callable[[Cell], str | None],
    fresh: bool | datetime,
    moved: Callable[[Cell, Past], str] = lambda _cell, _past: "",
) -> tuple[PlannedCell, ...]:
    """Return every cell with its state; `past` is by cell key.

    `fresh` measures done ones again: all, or those that were measured before a time.
    `moved` says why a measured past does not hold on this machine; such a cell is not done.
    `obstacle` says why a cell that is not done cannot run here.
    """
    pasts = [past.get(cell.key) for cell in cells]
    estimate = _estimator(cells, pasts)
    planned = []
    for cell, before in zip(cells, pasts, strict=True):
        state, why = _state(cell, before, obstacle, moved, fresh)
        planned.append(PlannedCell(cell, state, why, estimate(cell, before)))
    return tuple(planned)


def as_json(planned: Sequence[PlannedCell]) -> dict[str, list[dict[str, str | int]]]:
    """Return the plan as the JSON that `plan --json` prints."""
    return {"cells": [_as_json(item.cell, item) for item in planned]}


def _as_json(cell: Cell, planned: PlannedCell) -> dict[str, str | int]:
    return {
        "name": cell.name,
        "checkpoint": cell.checkpoint,
        "task": cell.task,
        "height_px": cell.height_px,
        "width_px": cell.width_px,
        "precision": cell.precision,
        "measure": cell.measure,
        "state": planned.state,
        "why": planned.why,
    }


def _state(
    cell: Cell,
    before: Past | None,
    obstacle: Callable[[Cell], str | None],
    moved: Callable[[Cell, Past], str],
    fresh: bool | datetime,
) -> tuple[State, str]:
    why = ""
    if before is not None and before.measured and not _too_old(before, fresh):
        why = moved(cell, before)
        if not why:
            return "done", ""
    reason = obstacle(cell)
    if reason is not None:
        return "blocked", reason
    if before is not None and not before.measured:
        why = f"last attempt failed: {before.reason}"
    return "ready", why


def _too_old(before: Past, fresh: bool | datetime) -> bool:
    if isinstance(fresh, bool):
        return fresh
    return before.started is None or before.started < fresh


def _estimator(
    cells: Sequence[Cell], pasts: Sequence[Past | None]
) -> Callable[[Cell, Past | None], float | None]:
    """Estimate from the cell itself, else its checkpoint and measure, else its measure.

    Only measured pasts count: a failed attempt does not say how long a finished one takes.
    """
    by_model: defaultdict[tuple[str, Measure], list[float]] = defaultdict(list)
    by_measure: defaultdict[Measure, list[float]] = defaultdict(list)
    for cell, before in zip(cells, pasts, strict=True):
        if before is not None and before.measured:
            by_model[cell.checkpoint, cell.measure].append(before.wall_s)
            by_measure[cell.measure].append(before.wall_s)
    model_s = {group: median(walls) for group, walls in by_model.items()}
    measure_s = {measure: median(walls) for measure, walls in by_measure.items()}

    def estimate(cell: Cell, before: Past | None) -> float | None:
        if before is not None and before.measured:
            return before.wall_s
        return model_s.get((cell.checkpoint, cell.measure), measure_s.get(cell.measure))

    return estimate

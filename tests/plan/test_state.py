"""Done, ready or blocked, why, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bench.plan.state import Past, PlannedCell, as_json, assess
from bench.spec.cell import Cell


def no_obstacle(cell: Cell) -> str | None:
    return None


@pytest.mark.parametrize(
    ("past", "obstacle", "fresh", "state", "why"),
    [
        (None, None, False, "ready", ""),
        (None, "no data", False, "blocked", "no data"),
        (Past(True, None, 3), None, False, "done", ""),
        (Past(True, None, 3), "no data", False, "done", ""),
        (Past(True, None, 3), None, True, "ready", ""),
        (Past(True, None, 3), "no data", True, "blocked", "no data"),
        (Past(False, "timeout", 3), None, False, "ready", "last attempt failed: timeout"),
        (Past(False, "timeout", 3), None, True, "ready", "last attempt failed: timeout"),
        (Past(False, "timeout", 3), "no data", False, "blocked", "no data"),
    ],
)
def test_state(
    cell: Cell, *, past: Past | None, obstacle: str | None, fresh: bool, state: str, why: str
) -> None:
    history = {} if past is None else {cell.key: past}
    (planned,) = assess([cell], history, lambda _: obstacle, fresh)
    assert (planned.cell, planned.state, planned.why) == (cell, state, why)


@pytest.mark.parametrize(
    ("past", "obstacle", "fresh", "state", "why"),
    [
        (Past(True, None, 3), None, False, "ready", "measured elsewhere"),
        (Past(True, None, 3), "no data", False, "blocked", "no data"),
        (Past(True, None, 3), None, True, "ready", ""),
        (Past(False, "timeout", 3), None, False, "ready", "last attempt failed: timeout"),
    ],
)
def test_what_does_not_hold_here_is_not_done(
    cell: Cell, *, past: Past, obstacle: str | None, fresh: bool, state: str, why: str
) -> None:
    (planned,) = assess(
        [cell], {cell.key: past}, lambda _: obstacle, fresh, lambda _cell, _past: "measured elsewhere"
    )
    assert (planned.state, planned.why, planned.estimate_s) == (state, why, 3 if past.measured else None)


@pytest.mark.parametrize(
    ("measured", "hour", "state"), [(True, 1, "ready"), (True, 2, "done"), (False, 2, "ready")]
)
def test_fresh_since_a_time_keeps_what_was_measured_from_then_on(
    cell: Cell, *, measured: bool, hour: int, state: str
) -> None:
    past = Past(measured, None, 3, started=datetime(2026, 3, 4, hour, tzinfo=UTC))
    (planned,) = assess([cell], {cell.key: past}, no_obstacle, datetime(2026, 3, 4, 2, tzinfo=UTC))
    assert planned.state == state


def test_estimates_come_from_the_nearest_measured_past(cell: Cell) -> None:
    def like(checkpoint: str, measure: str, size: int) -> Cell:
        return cell.model_copy(update={"checkpoint": checkpoint, "measure": measure, "height_px": size})

    cells = [
        like("deit_small", "throughput", 224),
        like("deit_small", "throughput", 288),
        like("deit_small", "throughput", 384),
        like("deit_small", "throughput", 512),
        like("swin_tiny", "throughput", 224),
        like("swin_tiny", "throughput", 288),
        like("mambaout_tiny", "throughput", 224),
        like("mambaout_tiny", "memory", 224),
    ]
    past = {
        cells[0].key: Past(True, None, 10.0),
        cells[1].key: Past(True, None, 20.0),
        cells[2].key: Past(False, "crash", 1000.0),
        cells[4].key: Past(True, None, 60.0),
    }
    planned = assess(cells, past, no_obstacle, fresh=True)
    assert [item.estimate_s for item in planned] == [10.0, 20.0, 15.0, 15.0, 60.0, 60.0, 20.0, None]


def test_the_obstacle_is_asked_for_every_cell_that_is_not_done(cell: Cell) -> None:
    cells = [cell.model_copy(update={"height_px": size}) for size in (224, 225, 226)]
    past = {cells[2].key: Past(True, None, 1.0)}
    planned = assess(cells, past, lambda asked: "odd" if asked.height_px % 2 else None, fresh=False)
    assert [(item.state, item.why) for item in planned] == [("ready", ""), ("blocked", "odd"), ("done", "")]


def test_json_holds_exactly_the_agreed_fields(cell: Cell) -> None:
    assert as_json([PlannedCell(cell, "blocked", "no data", 3.5)]) == {
        "cells": [
            {
                "name": "deit_small/imagenet/224x224/fp32/throughput",
                "checkpoint": "deit_small",
                "task": "imagenet",
                "height_px": 224,
                "width_px": 224,
                "precision": "fp32",
                "measure": "throughput",
                "state": "blocked",
                "why": "no data",
            }
        ]
    }

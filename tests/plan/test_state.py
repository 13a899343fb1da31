"""Done, ready or blocked, why, and for how long."""

from __future__ import annotations

from itertools import product

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


def test_the_obstacle_is_asked_once_for_what_matters(cell: Cell) -> None:
    checkpoints, measures, sizes, batches = ("a", "b"), ("accuracy", "memory"), range(1, 51), (1, 2, "max")
    cells = [
        cell.model_copy(
            update={"checkpoint": checkpoint, "measure": measure, "height_px": size, "batch": batch}
        )
        for checkpoint, measure, size, batch in product(checkpoints, measures, sizes, batches)
    ]
    asked: list[tuple[str, str]] = []

    def obstacle(asked_cell: Cell) -> str | None:
        asked.append((asked_cell.checkpoint, asked_cell.measure))
        return f"no {asked_cell.checkpoint}" if asked_cell.measure == "accuracy" else None

    planned = assess(cells, {}, obstacle, fresh=False)
    assert asked == [("a", "accuracy"), ("a", "memory"), ("b", "accuracy"), ("b", "memory")]
    assert {(item.cell.checkpoint, item.cell.measure, item.state, item.why) for item in planned} == {
        ("a", "accuracy", "blocked", "no a"),
        ("a", "memory", "ready", ""),
        ("b", "accuracy", "blocked", "no b"),
        ("b", "memory", "ready", ""),
    }


@pytest.mark.parametrize(
    "change",
    [
        {"task": "other"},
        {"weights": "file.pth"},
        {"checkpoint": "other"},
        {"measure": "memory"},
        {"precision": "bf16"},
        {"mode": "compiled"},
        {"device": "cuda"},
    ],
    ids=str,
)
def test_the_obstacle_is_asked_again_where_it_may_differ(cell: Cell, change: dict[str, str]) -> None:
    other = cell.model_copy(update=change)
    planned = assess([cell, other], {}, lambda asked: "here" if asked == other else None, fresh=False)
    assert [item.why for item in planned] == ["", "here"]


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

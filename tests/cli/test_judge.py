"""Which records a gate is about."""

from __future__ import annotations

from datetime import datetime

import pytest

from bench.cli.judge import evidence
from bench.plan.state import PlannedCell, State
from bench.spec.record import Failed
from tests.records import GPU_BOX, make_cell, make_record

CELL = make_cell("resnet18", "memory")
LAST, BEGAN, TONIGHT = (f"2026-05-0{day}T01:00:00.000+00:00" for day in (1, 2, 3))


def planned(state: State) -> list[PlannedCell]:
    return [PlannedCell(CELL, state, "", None)]


def began() -> datetime:
    return datetime.fromisoformat(BEGAN)


@pytest.mark.parametrize("state", ["ready", "done", "blocked"])
def test_records_are_split_where_the_night_began(state: State) -> None:
    records = [make_record(CELL, {"a": 1}, at=at) for at in (TONIGHT, LAST, BEGAN)]
    found = evidence(planned(state), records, "gpu-box", began())
    assert found.newest == (records[0],)
    assert found.tonight == (records[0], records[2])
    assert found.earlier == (records[1],)


def test_what_was_done_before_the_night_is_no_part_of_it() -> None:
    last = make_record(CELL, {"a": 1}, at=LAST)
    assert evidence(planned("done"), [last], "gpu-box", began()).earlier == ()
    assert evidence(planned("blocked"), [last], "gpu-box", began()).earlier == (last,)


def test_other_machines_and_cells_are_left_out_and_what_holds_everywhere_is_not() -> None:
    records = [
        make_record(CELL, {"a": 1}, host=GPU_BOX.model_copy(update={"machine": machine}), at=TONIGHT)
        for machine in ("any-machine", "other")
    ]
    records.append(make_record(make_cell("resnet18", "latency"), {"a": 1}, at=TONIGHT))
    found = evidence(planned("ready"), records, "gpu-box", began())
    assert (found.newest, found.tonight) == ((records[0],), (records[0],))


def test_a_failed_record_is_of_tonight_but_never_the_newest() -> None:
    failed = make_record(CELL, Failed(reason="crash", message="m"), at=TONIGHT)
    last = make_record(CELL, {"a": 1}, at=LAST)
    found = evidence(planned("ready"), [failed, last], "gpu-box", began())
    assert (found.newest, found.tonight) == ((last,), (failed,))

"""Which cells `--only` keeps, and what it says where it keeps none."""

from __future__ import annotations

import pytest

from bench.plan.select import select
from bench.spec.cell import Cell
from bench.spec.errors import UserError


@pytest.fixture
def cells(cell: Cell) -> tuple[Cell, ...]:
    return tuple(
        cell.model_copy(update={"checkpoint": checkpoint, "measure": measure})
        for checkpoint in ("deit_small", "swin_tiny")
        for measure in ("throughput", "memory")
    )


def test_no_glob_keeps_all(cells: tuple[Cell, ...]) -> None:
    assert select(cells, []) == cells


def test_globs_add_up_in_the_order_of_the_plan(cells: tuple[Cell, ...]) -> None:
    assert select(cells, ["swin_tiny/*/memory", "deit*", "*/memory"]) == (cells[0], cells[1], cells[3])


def test_a_whole_name_is_a_glob(cells: tuple[Cell, ...]) -> None:
    assert select(cells, [cells[2].name]) == (cells[2],)


def test_case_matters(cells: tuple[Cell, ...]) -> None:
    with pytest.raises(UserError):
        select(cells, ["DEIT*"])


def test_a_glob_that_matches_nothing_names_the_nearest_cell(cells: tuple[Cell, ...]) -> None:
    with pytest.raises(UserError) as caught:
        select(cells, ["*/memory", "swin_tiny/imagenet/224x224/fp16/memory"])
    assert str(caught.value) == (
        "no cell matches 'swin_tiny/imagenet/224x224/fp16/memory'; "
        "did you mean 'swin_tiny/imagenet/224x224/fp32/memory'?"
    )


def test_a_glob_like_no_cell_shows_three_names(cells: tuple[Cell, ...]) -> None:
    with pytest.raises(UserError) as caught:
        select(cells, ["zzz"])
    assert str(caught.value) == (
        "no cell matches 'zzz'; cells are called deit_small/imagenet/224x224/fp32/throughput, "
        "deit_small/imagenet/224x224/fp32/memory, swin_tiny/imagenet/224x224/fp32/throughput and 1 more"
    )
    with pytest.raises(UserError) as caught:
        select(cells[:1], ["zzz"])
    assert str(caught.value) == (
        "no cell matches 'zzz'; cells are called deit_small/imagenet/224x224/fp32/throughput"
    )

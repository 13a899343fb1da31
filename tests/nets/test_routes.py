"""Routes: the order in which tokens are read, and where outputs return to."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.nets.routes import (
    Layout,
    back_order,
    back_table,
    origin_table,
    read_order,
    read_table,
    routes_of,
)
from bench.ops.route_scan.composed import along_routes

ALL = ("h", "h_flip", "v", "v_flip", "w2", "w2_flip", "w7", "w7_flip")
SIZES = [(1, 1), (1, 5), (2, 3), (6, 4), (7, 7), (9, 16)]
CPU = torch.device("cpu")
PAD = 6  # in the order of a 2x3 grid; -1 in the tables


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("h", [0, 1, 2, 3, 4, 5]),
        ("v", [0, 3, 1, 4, 2, 5]),
        ("v_flip", [5, 2, 4, 1, 3, 0]),
        ("w2", [0, 1, 3, 4, 2, PAD, 5, PAD]),
        ("w2_flip", [PAD, 5, PAD, 2, 4, 3, 1, 0]),
    ],
)
def test_read_order_on_two_by_three(name: str, order: list[int]) -> None:
    assert read_order(name, 2, 3).tolist() == order


def test_windows_longer_than_the_map_pad_at_their_end() -> None:
    order = read_order("w7", 2, 3)
    assert order.size == 49
    assert order[[0, 1, 2, 7, 8, 9]].tolist() == [0, 1, 2, 3, 4, 5]
    assert (np.delete(order, [0, 1, 2, 7, 8, 9]) == PAD).all()


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", ALL)
def test_true_inverse_undoes_the_reading(name: str, size: tuple[int, int]) -> None:
    back = back_order(name, *size, true_inverse=True)
    assert (read_order(name, *size)[back] == np.arange(size[0] * size[1])).all()


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", ALL)
def test_published_inverse_errs_for_v_off_the_square_only(name: str, size: tuple[int, int]) -> None:
    same = (back_order(name, *size, False) == back_order(name, *size, True)).all()
    line = 1 in size
    assert same == (not name.startswith("v") or size[0] == size[1] or line)


def test_published_inverse_of_v_on_two_by_three() -> None:
    written = np.empty(6, dtype=int)
    written[back_order("v", 2, 3, False)] = np.arange(6)
    assert written.tolist() == [0, 2, 4, 1, 3, 5]


@pytest.mark.parametrize("size", [(2, 3), (5, 3), (8, 6)], ids=str)
def test_published_inverse_is_the_stated_formula(size: tuple[int, int]) -> None:
    height, width = size
    back = back_order("v", height, width, False)
    for step in range(height * width):
        assert back[(step % width) * height + step // width] == step
    flipped = back_order("v_flip", height, width, False)
    assert (flipped == height * width - 1 - back).all()


def test_tables_end_shorter_routes_in_pads() -> None:
    table = read_table(Layout(("h", "w2"), 2, 3), CPU)
    assert table.tolist() == [[0, 1, 2, 3, 4, 5, -1, -1], [0, 1, 3, 4, 2, -1, 5, -1]]


def test_the_class_token_stays_in_the_middle_of_every_route() -> None:
    layout = Layout(("h", "v_flip", "w2"), 2, 2, class_token=2)
    # Tokens 0 1 | class 2 | 3 4, so patches 0 1 / 3 4.
    assert read_table(layout, CPU).tolist() == [[0, 1, 2, 3, 4], [4, 1, 2, 3, 0], [0, 1, 2, 3, 4]]
    assert origin_table(layout, CPU).tolist() == [[0, 1, 2, 3, 4]] * 3


@pytest.mark.parametrize("true_inverse", [False, True])
@pytest.mark.parametrize("class_token", [None, 10])
def test_origin_says_which_token_an_output_came_from(class_token: int | None, true_inverse: bool) -> None:
    layout = Layout(("h", "v", "v_flip", "w7_flip"), 5, 4, true_inverse, class_token)
    routes = routes_of(layout, CPU)
    tokens = 20 + (class_token is not None)
    for route in range(4):
        read, back = routes.read_ks[route], routes.back_kl[route].long()
        came_from = read[back]
        assert sorted(came_from.tolist()) == list(range(tokens))
        moved = came_from.tolist() != list(range(tokens))
        assert moved == (not true_inverse and layout.names[route].startswith("v"))
        if routes.origin_kl is not None:
            assert torch.equal(routes.origin_kl[route], came_from)
    assert (routes.origin_kl is None) == true_inverse


@pytest.mark.parametrize("class_token", [None, 3])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_token_is_written_once_from_the_step_it_gets(
    size: tuple[int, int], class_token: int | None
) -> None:
    place = None if class_token is None or class_token > size[0] * size[1] else class_token
    routes = routes_of(Layout(ALL, *size, class_token=place), CPU)
    for write, back in zip(routes.write_ks, routes.back_kl.long(), strict=True):
        assert write[back].tolist() == list(range(len(back)))
        assert int((write >= 0).sum()) == len(back)


@pytest.mark.parametrize(("names", "pads"), [(("h", "v"), False), (("h", "w2"), False), (("h", "w7"), True)])
def test_pads_are_known_and_read_zero(names: tuple[str, ...], pads: bool) -> None:
    routes = routes_of(Layout(names, 4, 6), CPU)
    assert routes.pads == pads
    taken = along_routes(torch.ones(1, 24, 1), routes)[0, 1, :, 0]
    assert torch.equal(taken, (routes.read_ks[1] >= 0).float())
    assert int(taken.sum()) == 24


def test_tables_made_in_inference_mode_can_train() -> None:
    with torch.inference_mode():
        routes = routes_of(Layout(("h", "v"), 3, 11), CPU)
    x = torch.ones(1, 33, 1, requires_grad=True)
    along_routes(x, routes).sum().backward()
    assert x.grad is not None
    assert x.grad.unique().tolist() == [2.0]


def test_sizes_that_a_tracer_gives_as_tensors_find_the_same_table() -> None:
    sizes = {"height": 3, "width": 5, "class_token": 7}
    plain = Layout(("v", "w2_flip"), **sizes)
    traced = Layout(("v", "w2_flip"), **{name: torch.tensor(size) for name, size in sizes.items()})
    cpu = torch.device("cpu")
    assert read_table(traced, cpu) is read_table(plain, cpu)
    assert back_table(traced, cpu) is back_table(plain, cpu)

"""Rotary tables and the resizing of tables."""

from __future__ import annotations

import math

import pytest
import torch

from bench.nets.build import build_net
from bench.nets.position import Rotary, resize_rows, rotary_angles
from bench.ops.norm.composed import rotate


def test_angles_are_the_stated_formula() -> None:
    grid, width = (7, 4), 8
    angles = rotary_angles(grid, width)
    for row in range(7):
        for column in range(4):
            expected = [row / 7 * 14 * 10000 ** (-2 * k / 4) for k in (0, 0, 1, 1)]
            expected += [column / 4 * 14 * 10000 ** (-2 * k / 4) for k in (0, 0, 1, 1)]
            assert angles[row * 4 + column].tolist() == pytest.approx(expected, rel=1e-6)


def test_rotation_turns_neighbouring_channels() -> None:
    rotary = Rotary((2, 2), 4)
    x = torch.randn(3, 4, 4)
    y = rotate(x, rotary.freqs_cos, rotary.freqs_sin)
    angle = rotary_angles((2, 2), 4)[3, 2].item()  # second row, second column: the column half
    a, b = x[0, 3, 2].item(), x[0, 3, 3].item()
    expected = (a * math.cos(angle) - b * math.sin(angle), a * math.sin(angle) + b * math.cos(angle))
    assert y[0, 3, 2:].tolist() == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(y.norm(dim=-1), x.norm(dim=-1))
    assert torch.equal(y[:, 0], x[:, 0])


def test_rows_are_resized_as_a_map() -> None:
    table = torch.arange(12.0).view(1, 12, 1).repeat(1, 1, 2)
    doubled = resize_rows(table, (3, 4), (6, 8))
    expected = torch.nn.functional.interpolate(
        torch.arange(12.0).view(1, 1, 3, 4), size=(6, 8), mode="bicubic", align_corners=False
    )
    assert torch.equal(doubled, expected.view(1, 48, 1).repeat(1, 1, 2))
    assert resize_rows(table, (3, 4), (3, 4)) is table


def test_half_precision_tables_are_resized_in_float32() -> None:
    table = torch.randn(1, 4, 3)
    expected = resize_rows(table.half().float(), (2, 2), (3, 5)).half()
    assert torch.equal(resize_rows(table.half(), (2, 2), (3, 5)), expected)


@torch.inference_mode()
def test_localvim_resizes_at_run_time_what_a_resized_network_stores() -> None:
    small, large = build_net("localvim_tiny", (64, 64)), build_net("localvim_tiny", (96, 80))
    state = small.state_dict()
    resized = {
        name: resize_rows(state[name], (4, 4), (6, 5))
        for name in ("pos_embed", "rope.freqs_cos", "rope.freqs_sin")
    }
    large.load_state_dict(state | resized)
    x = torch.randn(1, 3, 90, 77)  # padded to 96 by 80
    padded = torch.nn.functional.pad(x, (0, 3, 0, 6))
    torch.testing.assert_close(small(x), large(padded))
    torch.testing.assert_close(small(x), large(x))

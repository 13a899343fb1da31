"""Small layers against their formulas."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from bench.nets.hierarchy import PatchMerging, make_downsample, make_stem
from bench.nets.layers import ChannelGate, DropPath, LayerNorm, RMSNorm
from bench.ops.route_merge import Merge, merge_routes


def test_rms_norm_keeps_the_mean() -> None:
    norm = RMSNorm(3).double()
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, 2.0, 3.0]))
    x = torch.tensor([[3.0, 4.0, 5.0]], dtype=torch.float64)
    scale = 1 / math.sqrt(50 / 3 + 1e-5)
    assert norm(x).tolist()[0] == pytest.approx([3 * scale, 8 * scale, 15 * scale], rel=1e-12)


def test_drop_path_drops_whole_samples_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    layer, x = DropPath(0.25), torch.ones(4000, 2, 3)
    y = layer(x)
    assert all(sample.unique().numel() == 1 for sample in y)
    assert y.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert y.mean().item() == pytest.approx(1.0, abs=0.05)
    assert layer.eval()(x) is x


def test_channel_gate_weighs_every_route_by_its_mean_normalised_token() -> None:
    torch.manual_seed(0)
    gate, y_bkld = ChannelGate(16).double(), torch.randn(2, 3, 5, 16, dtype=torch.float64)
    assert gate.global_reduce.out_features == 2
    expected = torch.zeros(2, 5, 16, dtype=torch.float64)
    for route in range(3):
        tokens = y_bkld[:, route]
        centred = tokens - tokens.mean(-1, keepdim=True)
        normed = centred / (tokens.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
        hidden = gate.global_reduce((normed * gate.norm.weight + gate.norm.bias).mean(1))
        hidden = 0.5 * hidden * (1 + torch.erf(hidden / math.sqrt(2)))
        expected += tokens * torch.sigmoid(gate.channel_select(hidden))[:, None]
    merge = Merge(factor_bkd=gate(y_bkld, Merge(), "torch"))
    torch.testing.assert_close(merge_routes(y_bkld, merge), expected)


@pytest.mark.parametrize(
    ("narrow", "autocast", "dtype"),
    [
        (True, True, torch.bfloat16),
        (False, True, torch.float32),
        (True, False, torch.float32),
        (False, False, torch.float32),
    ],
)
def test_layer_norm_gives_what_the_layer_behind_it_works_in(
    narrow: bool, autocast: bool, dtype: torch.dtype
) -> None:
    x, plain = torch.randn(3, 8), nn.LayerNorm(8)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        y = LayerNorm(8, narrow=narrow)(x)
    assert y.dtype == dtype
    torch.testing.assert_close(y, plain(x).to(dtype))


def test_patch_merging_order_and_padding() -> None:
    merge = PatchMerging(1)
    merge.norm = nn.Identity()  # type: ignore[assignment]
    merge.reduction = nn.Identity()  # type: ignore[assignment]
    x = torch.arange(1.0, 7.0).view(1, 2, 3, 1)
    assert merge(x)[0].tolist() == [[[1, 4, 2, 5], [3, 6, 0, 0]]]


@pytest.mark.parametrize(
    ("version", "size", "grid"),
    [("v1", (75, 93), (18, 23)), ("v2", (75, 93), (19, 24)), ("v2", (224, 224), (56, 56))],
)
def test_grid_of_the_stem(version: str, size: tuple[int, int], grid: tuple[int, int]) -> None:
    assert make_stem(version, 4)(torch.zeros(1, 3, *size)).shape == (1, *grid, 4)  # type: ignore[arg-type]


@pytest.mark.parametrize("version", ["v1", "v3"])
def test_downsampling_rounds_up(version: str) -> None:
    assert make_downsample(version, 4)(torch.zeros(1, 5, 6, 4)).shape == (1, 3, 3, 8)  # type: ignore[arg-type]

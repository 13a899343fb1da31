"""Convolutions, merges and norms around the scan equal their definitions."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from bench.ops.map_conv import map_conv
from bench.ops.norm import StreamNorm, add_norm, layer_norm
from bench.ops.route_conv import route_conv
from bench.ops.route_merge import Merge, NormWeights, mean_normed, merge_routes
from bench.ops.route_scan.cases import random_routes

CPU = torch.device("cpu")


@pytest.fixture
def normal() -> Tensor:
    """Return many numbers to cut operands from."""
    return torch.randn(4000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def silu(x: Tensor) -> Tensor:
    return x / (1 + torch.exp(-x))


def standardised(x: Tensor, norm: NormWeights) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + norm.eps).sqrt() * norm.weight + norm.bias


def test_the_convolution_along_a_route_sees_what_was_read_before(normal: Tensor) -> None:
    batch, count, tokens, width, taps = 2, 3, 6, 5, 4
    u = normal[: batch * tokens * width].reshape(batch, tokens, width)
    weight, bias = normal[:60].reshape(count, width, taps), normal[60:75].reshape(count, width)
    routes = random_routes(count, tokens, 2, CPU)
    found = route_conv(u, routes, weight, bias)
    assert found.shape == (batch, count, tokens + 2, width)
    for route in range(count):
        reads = routes.read_ks[route].tolist()
        for step in range(len(reads)):
            total = bias[route].expand(batch, -1).clone()
            for tap in range(taps):
                at = step - (taps - 1) + tap
                if at >= 0 and reads[at] >= 0:
                    total += weight[route, :, tap] * u[:, reads[at]]
            torch.testing.assert_close(found[:, route, step], silu(total))


@pytest.mark.parametrize("biased", [True, False])
def test_the_convolution_of_a_map(biased: bool, normal: Tensor) -> None:
    x, weight = normal[:240].reshape(2, 4, 5, 6), normal[300:354].reshape(6, 1, 3, 3)
    bias = normal[400:406] if biased else None
    expected = silu(functional.conv2d(x.permute(0, 3, 1, 2), weight, bias, padding=1, groups=6))
    found = map_conv(x, weight, bias)
    assert found.is_contiguous()
    torch.testing.assert_close(found, expected.permute(0, 2, 3, 1))


@pytest.mark.parametrize("gate", ["each", "sum", None])
@pytest.mark.parametrize("normed", [True, False])
def test_merge(gate: str | None, normed: bool, normal: Tensor) -> None:
    batch, count, tokens, width = 2, 3, 5, 4
    y = normal[:120].reshape(batch, count, tokens, width)
    z = normal[200:240].reshape(batch, tokens, width)
    factor = normal[300:324].reshape(batch, count, width)
    norm = NormWeights(normal[400:404], normal[410:414], 1e-3)
    origin = torch.tensor([[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [1, 2, 0, 4, 3]], dtype=torch.int32)
    merge = Merge(None if gate is None else z, gate or "sum", origin, factor, scale=0.5)  # type: ignore[arg-type]
    gated = y.clone()
    if gate == "each":
        for route in range(count):
            for token in range(tokens):
                gated[:, route, token] *= silu(z[:, origin[route, token]])
    expected = sum(gated[:, route] * factor[:, route, None] for route in range(count)) * 0.5
    assert isinstance(expected, Tensor)
    expected = standardised(expected, norm) if normed else expected
    expected = expected * silu(z) if gate == "sum" else expected
    torch.testing.assert_close(merge_routes(y, merge, norm if normed else None), expected)
    means = standardised(gated, norm).mean(2)
    torch.testing.assert_close(mean_normed(y, merge, norm), means)


def test_half_precision_is_summed_in_float32() -> None:
    y = torch.full((1, 4, 1, 8), 20000.0, dtype=torch.float16)
    assert merge_routes(y, Merge(scale=0.5)).tolist() == [[[40000.0] * 8]]


def test_layer_norm_rounds_once(normal: Tensor) -> None:
    x = normal[:96].float().reshape(4, 24)
    norm = NormWeights(normal[100:124].float(), normal[130:154].float(), 1e-5)
    exact = standardised(x.double(), NormWeights(norm.weight.double(), norm.bias.double(), 1e-5))
    found = layer_norm(x, *norm, torch.bfloat16)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, exact.bfloat16(), rtol=2**-8, atol=1e-6)


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_the_residual_stream_turns_and_is_normalised(first: bool, centred: bool, normal: Tensor) -> None:
    h, r = normal[:48].reshape(2, 3, 8), normal[50:98].reshape(2, 3, 8)
    weight, bias = normal[100:108], normal[110:118]
    angle = normal[200:212].reshape(3, 4).repeat_interleave(2, dim=1)
    norm = StreamNorm(weight, bias if centred else None, 1e-5)
    stream, normed = add_norm(h, None if first else r, norm, (angle.cos(), angle.sin()))
    total = h if first else h + r
    pairs = torch.view_as_complex(total.unflatten(-1, (4, 2)).contiguous())
    turned = torch.view_as_real(pairs * torch.exp(1j * angle[:, ::2])).flatten(-2)
    torch.testing.assert_close(stream, turned)
    if centred:
        expected = standardised(turned, NormWeights(weight, bias, 1e-5))
    else:
        expected = turned / (turned.square().sum(-1, keepdim=True) / 8 + 1e-5).sqrt() * weight
    torch.testing.assert_close(normed, expected)


def test_the_residual_stream_stays_in_float32() -> None:
    h, r = torch.full((1, 1, 4), 2.0**-12, dtype=torch.float16), torch.ones(1, 1, 4)
    stream, normed = add_norm(h, r, StreamNorm(torch.ones(4), None, 0.0))
    assert stream.tolist() == [[[1 + 2.0**-12] * 4]]
    assert normed.dtype == torch.float16
    assert math.isclose(float(normed.mean()), 1.0)

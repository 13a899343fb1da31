"""Every fused operator on routes and rows equals its composition; run with TRITON_INTERPRET=1."""

from __future__ import annotations

import os

import pytest
import torch
from torch import Tensor

from bench.ops.map_conv import fused as map_fused
from bench.ops.map_conv import map_conv
from bench.ops.norm import StreamNorm
from bench.ops.norm.composed import composed_add_norm
from bench.ops.norm.fused import fused_add_norm, fused_layer_norm
from bench.ops.route_conv import fused as route_fused
from bench.ops.route_conv import route_conv
from bench.ops.route_merge import Merge, NormWeights
from bench.ops.route_merge.composed import composed_means, composed_merge
from bench.ops.route_merge.fused import fused_means, fused_merge
from bench.ops.route_scan import RouteWeights, route_scan
from bench.ops.route_scan.cases import RouteShape, random_routes, random_weights
from bench.ops.route_scan.composed import along_routes, composed_scan
from bench.ops.route_scan.fused import fused_scan
from bench.ops.route_scan.inputs import RouteInputs
from bench.ops.selective_scan.cases import relative_error
from bench.ops.selective_scan.triton_plan import ScanPlan

assert os.environ["TRITON_INTERPRET"] == "1"

TILE, WALK = ScanPlan("tile", rows=16, warps=1, tile=16), ScanPlan("walk", rows=16, warps=1)
CPU = torch.device("cpu")
KINDS = [torch.float32, torch.float16, torch.float64]
BOUNDS = {torch.float32: 2e-6, torch.float16: 4e-3, torch.float64: 1e-12}


@pytest.fixture(autouse=True)
def poisoned_memory() -> None:
    torch.use_deterministic_algorithms(True)
    assert torch.empty(3).isnan().all()


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def normal(generator: torch.Generator, *size: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(size, generator=generator).to(dtype)


def doubled(weights: RouteWeights) -> RouteWeights:
    return RouteWeights._make(tensor.double() for tensor in weights)


@pytest.mark.parametrize("in_order", [False, True], ids=["tokens", "sequences"])
@pytest.mark.parametrize("segments", [1, 2])
@pytest.mark.parametrize("plan", [TILE, WALK], ids=["tile", "walk"])
@pytest.mark.parametrize("states", [1, 3])
def test_scan(states: int, plan: ScanPlan, segments: int, in_order: bool, generator: torch.Generator) -> None:
    shape = RouteShape(batch=2, routes=3, tokens=29, width=5, rank=3, states=states)
    routes, weights = random_routes(3, 29, 6, CPU), random_weights(shape, generator)
    x = normal(generator, 2, 29, 5)
    x = along_routes(x, routes).transpose(0, 1).contiguous().transpose(0, 1) if in_order else x
    y = fused_scan(RouteInputs(x, routes, weights), plan._replace(segments=segments))
    expected = composed_scan(RouteInputs(x.double(), routes, doubled(weights)), "reference")
    assert relative_error(y, expected) < 2e-6


@pytest.mark.parametrize("dtype", KINDS, ids=str)
@pytest.mark.parametrize("states", [1, 3])
def test_chosen_plan(states: int, dtype: torch.dtype, generator: torch.Generator) -> None:
    shape = RouteShape(batch=1, routes=4, tokens=18, width=3, rank=3, states=states)
    routes, weights = random_routes(4, 18, 0, CPU), random_weights(shape, generator)
    x = normal(generator, 1, 18, 3, dtype=dtype)
    y = route_scan(x, routes, weights, backend="triton")
    assert y.dtype == dtype
    rounded = RouteWeights(weights[0].to(dtype), weights[1].to(dtype), *weights[2:])
    expected = composed_scan(RouteInputs(x.double(), routes, doubled(rounded)), "reference")
    assert relative_error(y, expected) < BOUNDS[dtype]


def test_gradients_take_the_composition(generator: torch.Generator) -> None:
    shape = RouteShape(batch=1, routes=2, tokens=6, width=3, rank=2, states=1)
    routes, weights = random_routes(2, 6, 1, CPU), random_weights(shape, generator)
    x = normal(generator, 1, 6, 3)
    grads = []
    for backend, kind in (("triton", torch.float32), ("reference", torch.float64)):
        leaf = x.detach().to(kind, copy=True).requires_grad_()
        own = RouteWeights._make(tensor.to(kind) for tensor in weights)
        route_scan(leaf, routes, own, backend).sum().backward()
        assert leaf.grad is not None
        grads.append(leaf.grad)
    assert relative_error(*grads) < 1e-5


@pytest.mark.parametrize("dtype", KINDS, ids=str)
def test_route_conv(dtype: torch.dtype, generator: torch.Generator) -> None:
    routes = random_routes(3, 37, 5, CPU)
    uz = normal(generator, 2, 37, 140, dtype=dtype)  # the half of a projection, rows apart in memory
    weight, bias = normal(generator, 3, 70, 4), normal(generator, 3, 70)
    found = route_fused.fused_conv(uz[..., :70], routes, weight, bias)
    expected = route_conv(uz[..., :70].double(), routes, weight.double(), bias.double(), "torch")
    assert relative_error(found, expected) < BOUNDS[dtype]


@pytest.mark.parametrize("dtype", KINDS, ids=str)
@pytest.mark.parametrize("biased", [True, False])
def test_map_conv(biased: bool, dtype: torch.dtype, generator: torch.Generator) -> None:
    x = normal(generator, 2, 5, 9, 140, dtype=dtype)[..., 70:]
    weight, bias = normal(generator, 70, 1, 3, 3), normal(generator, 70) if biased else None
    expected = map_conv(x.double(), weight.double(), None if bias is None else bias.double(), "torch")
    assert relative_error(map_fused.fused_conv(x, weight, bias), expected) < BOUNDS[dtype]


@pytest.mark.parametrize("dtype", KINDS, ids=str)
@pytest.mark.parametrize("gate", ["each", "sum", None])
def test_merge_and_means(gate: str | None, dtype: torch.dtype, generator: torch.Generator) -> None:
    routes = random_routes(3, 70, 4, CPU)
    y, factor = normal(generator, 2, 3, 70, 21, dtype=dtype), normal(generator, 2, 3, 21)
    z = None if gate is None else normal(generator, 2, 70, 42, dtype=dtype)[..., 21:]
    norm = NormWeights(normal(generator, 21), normal(generator, 21), 1e-5)
    double = NormWeights(norm.weight.double(), norm.bias.double(), 1e-5)
    for origin, scale, use_norm in ((routes.origin_kl, 0.5, True), (None, 1.0, False)):
        merge = Merge(z, gate or "sum", origin, factor if use_norm else None, scale)  # type: ignore[arg-type]
        wide = merge._replace(
            z_bld=None if z is None else z.double(), factor_bkd=factor.double() if use_norm else None
        )
        found = fused_merge(y, merge, norm if use_norm else None)
        expected = composed_merge(y.double(), wide, double if use_norm else None)
        assert relative_error(found, expected) < BOUNDS[dtype]
        assert relative_error(fused_means(y, merge, norm), composed_means(y.double(), wide, double)) < 2e-6


@pytest.mark.parametrize("dtype", KINDS, ids=str)
def test_norms(dtype: torch.dtype, generator: torch.Generator) -> None:
    h, r = (
        normal(generator, 2, 11, 24, dtype=dtype),
        normal(generator, 2, 11, 24).to(torch.float64 if dtype == torch.float64 else torch.float32),
    )
    weight, bias, angle = normal(generator, 24), normal(generator, 24), normal(generator, 11, 12)
    angle = angle.repeat_interleave(2, dim=1)
    for rotation in (None, (angle.cos(), angle.sin())):
        for stream in (None, r):
            for shift in (None, bias):
                norm = StreamNorm(weight, shift, 1e-5)
                found = fused_add_norm(h, stream, norm, rotation)
                double = StreamNorm(weight.double(), None if shift is None else shift.double(), 1e-5)
                expected = composed_add_norm(
                    h.double(),
                    None if stream is None else stream.double(),
                    double,
                    None if rotation is None else (rotation[0].double(), rotation[1].double()),
                )
                assert found[1].dtype == dtype
                assert relative_error(found[0], expected[0]) < 2e-6
                assert relative_error(found[1], expected[1]) < BOUNDS[dtype]
    normed = fused_layer_norm(r.float(), weight, bias, 1e-5, torch.bfloat16)
    exact = torch.nn.functional.layer_norm(r.float().double(), (24,), weight.double(), bias.double(), 1e-5)
    assert normed.dtype == torch.bfloat16
    assert relative_error(normed, exact) < 8e-3

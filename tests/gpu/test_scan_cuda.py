"""The gate on a GPU: every Triton scan equals the float64 reference, at full occupancy and at odd sizes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.ops.route_scan import RouteWeights, route_scan
from bench.ops.route_scan.cases import RouteShape, random_routes, random_weights
from bench.ops.route_scan.composed import composed_scan
from bench.ops.route_scan.inputs import RouteInputs
from bench.ops.selective_scan import resolve_backend, selective_scan
from bench.ops.selective_scan.cases import (
    ROWS,
    ScanOptions,
    ScanRow,
    ScanShape,
    random_inputs,
    relative_error,
)
from bench.ops.selective_scan.chunked import chunked_scan
from bench.ops.selective_scan.inputs import ScanInputs
from bench.ops.selective_scan.reference import reference_scan

pytestmark = pytest.mark.gpu

SHAPES = [
    ScanShape(batch, groups, width, states, tokens)
    for batch, groups, width, states in [(2, 4, 33, 1), (1, 2, 40, 16), (1, 1, 5, 3)]
    for tokens in (1, 2, 63, 197, 1000)
]


TOLERANCES = {torch.float64: 1e-12, torch.float32: 5e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}
GRADIENT_TOLERANCES = {**TOLERANCES, torch.float32: 2e-5}


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator("cuda").manual_seed(0)


@pytest.fixture(autouse=True)
def poisoned_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill memory that is allocated without values with NaN, so that a missed store is seen."""

    def poisoned(allocate: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def filled(*arguments: Any, **options: Any) -> Tensor:
            tensor = allocate(*arguments, **options)
            # some releases of torch allocate leaves in checkpointing, which take no in-place change
            with torch.no_grad():
                return tensor.fill_(math.nan) if tensor.is_floating_point() else tensor

        return filled

    monkeypatch.setattr(torch, "empty", poisoned(torch.empty))
    monkeypatch.setattr(Tensor, "new_empty", poisoned(Tensor.new_empty))
    assert torch.ones(1, device="cuda").new_empty(3).isnan().all()


def in_double(inputs: ScanInputs) -> ScanInputs:
    return ScanInputs._make(field.double() if isinstance(field, Tensor) else field for field in inputs)


def scan(inputs: ScanInputs, backend: str = "triton") -> Tensor:
    u, delta, a, b, c, d, bias, softplus = inputs
    return selective_scan(u, delta, a, b, c, d, bias, delta_softplus=softplus, backend=backend)


def test_auto_is_triton() -> None:
    assert resolve_backend("auto", torch.ones(1, device="cuda")) == "triton"


@pytest.mark.parametrize("channels_last", [False, True], ids=["bdl", "bld"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_forward(
    shape: ScanShape, dtype: torch.dtype, channels_last: bool, generator: torch.Generator
) -> None:
    for options in (
        ScanOptions(channels_last),
        ScanOptions(channels_last, skip=False, bias=False, softplus=False),
        ScanOptions(channels_last, largest_step=40.0),
    ):
        inputs = random_inputs(shape, dtype, options, generator)
        expected = reference_scan(in_double(inputs))
        for backend in ("triton", "torch"):
            y = scan(inputs, backend)
            assert y.dtype == dtype
            assert relative_error(y, expected) < TOLERANCES[dtype]


def gradients(inputs: ScanInputs, dy_bdl: Tensor, backend: str) -> list[Tensor]:
    leaves = [field.clone().requires_grad_() if isinstance(field, Tensor) else field for field in inputs]
    asked = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
    return list(torch.autograd.grad(scan(ScanInputs._make(leaves), backend), asked, dy_bdl))


@pytest.mark.parametrize("channels_last", [False, True], ids=["bdl", "bld"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=str)
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape.tokens in (1, 63, 1000)], ids=str)
def test_gradients(
    shape: ScanShape, dtype: torch.dtype, channels_last: bool, generator: torch.Generator
) -> None:
    for options in (
        ScanOptions(channels_last),
        ScanOptions(channels_last, skip=False, bias=False, softplus=False),
        ScanOptions(channels_last, largest_step=40.0),
    ):
        inputs = random_inputs(shape, dtype, options, generator)
        dy = torch.randn(inputs.u_bdl.shape, generator=generator, device="cuda").to(dtype)
        expected = gradients(in_double(inputs), dy.double(), "torch")
        for ours, theirs in zip(gradients(inputs, dy, "triton"), expected, strict=True):
            assert relative_error(ours, theirs) < GRADIENT_TOLERANCES[dtype]


def test_gradients_in_double(generator: torch.Generator) -> None:
    inputs = random_inputs(ScanShape(2, 2, 5, 3, 300), torch.float64, ScanOptions(), generator)
    dy = torch.randn(inputs.u_bdl.shape, generator=generator, device="cuda", dtype=torch.float64)
    found, expected = (gradients(inputs, dy, backend) for backend in ("triton", "reference"))
    for ours, theirs in zip(found, expected, strict=True):
        assert relative_error(ours, theirs) < GRADIENT_TOLERANCES[torch.float64]


@pytest.mark.parametrize("channels_last", [False, True], ids=["bdl", "bld"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    "shape",
    [
        ScanShape(256, 2, 192, 16, 65),
        ScanShape(256, 4, 24, 1, 256),
        ScanShape(64, 4, 48, 8, 256),
        ScanShape(2, 1, 384, 16, 1025),
        ScanShape(2, 4, 96, 1, 16384),
    ],
    ids=str,
)
def test_gradients_at_sizes_of_trainings(
    shape: ScanShape, dtype: torch.dtype, channels_last: bool, generator: torch.Generator
) -> None:
    """With a full card, and with the tokens cut into segments; a second call gives the same, bit by bit."""
    inputs = random_inputs(shape, dtype, ScanOptions(channels_last), generator)
    dy = torch.randn(inputs.u_bdl.shape, generator=generator, device="cuda").to(dtype)
    found = gradients(inputs, dy, "triton")
    assert all(map(torch.equal, found, gradients(inputs, dy, "triton")))
    for ours, theirs in zip(found, gradients(in_double(inputs), dy.double(), "torch"), strict=True):
        assert relative_error(ours, theirs) < GRADIENT_TOLERANCES[dtype]


def test_gradients_of_few_images_at_a_time(generator: torch.Generator) -> None:
    from bench.ops.selective_scan.triton_backward import scan_gradients  # noqa: PLC0415 -- needs Triton

    inputs = random_inputs(ScanShape(7, 2, 40, 16, 33), torch.float32, ScanOptions(), generator)
    dy = torch.randn(inputs.u_bdl.shape, generator=generator, device="cuda")
    at_once = scan_gradients(inputs, dy)
    in_parts = scan_gradients(inputs, dy, most_bytes=2 * 80 * 16 * 33 * 4)
    for ours, theirs in zip(in_parts, at_once, strict=True):
        assert ours is not None
        assert theirs is not None
        assert relative_error(ours, theirs) < 1e-6


@pytest.mark.parametrize("channels_last", [False, True], ids=["bdl", "bld"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_rows_of_the_comparison(row: ScanRow, channels_last: bool, generator: torch.Generator) -> None:
    """At the sizes that are timed, an eighth of the batch; the plain scan was checked above."""
    shape = row.shape._replace(batch=max(1, row.shape.batch // 8))
    inputs = random_inputs(shape, row.dtype, ScanOptions(channels_last), generator)
    with torch.inference_mode():
        bound = 2e-3 if row.dtype == torch.float16 else 2e-5
        assert relative_error(scan(inputs), chunked_scan(inputs)) < bound


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=str)
@pytest.mark.parametrize("sizes", [(2, 96, 6, 1), (8, 192, 6, 16), (1, 40, 24, 1), (1, 40, 3, 5)], ids=str)
def test_route_scan(sizes: tuple[int, int, int, int], dtype: torch.dtype, generator: torch.Generator) -> None:
    batch, width, rank, states = sizes
    shape = RouteShape(batch, 4, 14 * 23, width, rank, states)
    routes = random_routes(4, shape.tokens, 10, generator.device)
    weights = random_weights(shape, generator)
    x = torch.randn(batch, shape.tokens, width, generator=generator, device="cuda").to(dtype)
    double = RouteWeights._make(tensor.double() for tensor in weights)
    with torch.inference_mode():
        expected = composed_scan(RouteInputs(x.double(), routes, double), "torch")
        assert relative_error(route_scan(x, routes, weights), expected) < (
            1e-5 if dtype == torch.float32 else 2e-2
        )

"""The Triton gradients equal those of the reference; run with TRITON_INTERPRET=1, see test_interpreted.py."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bench.ops.route_scan import route_scan
from bench.ops.route_scan.cases import RouteShape, random_routes, random_weights
from bench.ops.selective_scan.cases import ScanOptions, ScanShape, random_inputs, relative_error
from bench.ops.selective_scan.inputs import ScanInputs
from bench.ops.selective_scan.reference import reference_scan
from bench.ops.selective_scan.triton import triton_scan
from bench.ops.selective_scan.triton_backward import scan_gradients
from bench.ops.selective_scan.triton_plan import ScanPlan

assert os.environ["TRITON_INTERPRET"] == "1"

WHOLE, CUT = ScanPlan("walk", rows=4, warps=1, tile=1), ScanPlan("walk", rows=4, warps=1, tile=2, segments=3)
PLANS = {
    "whole": WHOLE,
    "tiles": WHOLE._replace(rows=32, tile=4),
    "segments": CUT,
}
SHAPES = [
    ScanShape(1, 1, 3, 16, 1),
    ScanShape(1, 2, 5, 1, 7),
    ScanShape(2, 1, 3, 3, 5),
    ScanShape(1, 1, 2, 16, 4),
]
PLAIN = ScanOptions(skip=False, bias=False, softplus=False)


@pytest.fixture(autouse=True)
def poisoned_memory() -> None:
    torch.use_deterministic_algorithms(True)
    assert torch.empty(3).isnan().all()
    assert torch.ones(1).new_empty(3).isnan().all()


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def in_double(inputs: ScanInputs) -> ScanInputs:
    return ScanInputs._make(field.double() if isinstance(field, Tensor) else field for field in inputs)


def random_dy(inputs: ScanInputs, generator: torch.Generator) -> Tensor:
    return torch.randn(inputs.u_bdl.shape, generator=generator, dtype=torch.float64).to(inputs.u_bdl.dtype)


def reference_gradients(inputs: ScanInputs, dy_bdl: Tensor) -> list[Tensor | None]:
    """Return the gradients that float64 autograd finds through the definition, None for absent operands."""
    leaves = [field.requires_grad_() if isinstance(field, Tensor) else field for field in in_double(inputs)]
    asked = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
    found = iter(torch.autograd.grad(reference_scan(ScanInputs._make(leaves)), asked, dy_bdl.double()))
    return [next(found) if isinstance(leaf, Tensor) else None for leaf in leaves[:-1]]


def largest_error(inputs: ScanInputs, dy_bdl: Tensor, plan: ScanPlan, most_bytes: int = 1 << 30) -> float:
    """Return the error of the worst gradient, each having the shape and the dtype of its operand."""
    found = scan_gradients(inputs, dy_bdl, plan, most_bytes)
    errors = []
    for ours, theirs, operand in zip(found, reference_gradients(inputs, dy_bdl), inputs[:-1], strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None and theirs is not None:
            assert isinstance(operand, Tensor)
            assert (ours.dtype, ours.shape) == (operand.dtype, operand.shape)
            errors.append(relative_error(ours, theirs))
    return math.inf if any(map(math.isnan, errors)) else max(errors)


@pytest.mark.parametrize("channels_last", [False, True], ids=["bdl", "bld"])
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_gradient(
    shape: ScanShape, plan: ScanPlan, channels_last: bool, generator: torch.Generator
) -> None:
    for options in (ScanOptions(channels_last), PLAIN._replace(channels_last=channels_last)):
        inputs = random_inputs(shape, torch.float32, options, generator)
        assert largest_error(inputs, random_dy(inputs, generator), plan) < 2e-6


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_dtype(dtype: torch.dtype, plan: ScanPlan, generator: torch.Generator) -> None:
    inputs = random_inputs(ScanShape(1, 2, 2, 2, 7), dtype, ScanOptions(), generator)
    bound = 1e-14 if dtype == torch.float64 else torch.finfo(dtype).eps
    assert largest_error(inputs, random_dy(inputs, generator), plan) < bound


def test_operands_of_several_dtypes(generator: torch.Generator) -> None:
    """As autocast gives them: half tokens, wide step sizes and weights."""
    inputs = random_inputs(ScanShape(2, 1, 3, 3, 9), torch.float32, ScanOptions(), generator)
    inputs = inputs._replace(u_bdl=inputs.u_bdl.half(), output_bgnl=inputs.output_bgnl.bfloat16())
    assert largest_error(inputs, random_dy(inputs, generator), CUT) < 8e-3


@pytest.mark.parametrize("options", [PLAIN._replace(skip=True), PLAIN._replace(bias=True)], ids=str)
def test_one_optional_operand(options: ScanOptions, generator: torch.Generator) -> None:
    inputs = random_inputs(ScanShape(1, 1, 3, 2, 7), torch.float32, options, generator)
    assert largest_error(inputs, random_dy(inputs, generator), WHOLE) < 1e-6


@pytest.mark.parametrize("plan", [WHOLE, CUT], ids=["whole", "segments"])
@pytest.mark.parametrize("step", [-1e4, -30.0, 25.0, 1e4])
def test_steps_beyond_all_use(step: float, plan: ScanPlan, generator: torch.Generator) -> None:
    """A step of 0 keeps the state for ever, one of 1e4 drops it; nothing overflows on the way.

    e^-30 is 2^-43.3, an exponent whose rounding in float32 alone is an error of 1.3e-6.
    """
    inputs = random_inputs(ScanShape(1, 1, 2, 2, 6), torch.float32, ScanOptions(bias=False), generator)
    inputs = inputs._replace(delta_bdl=torch.full_like(inputs.delta_bdl, step))
    assert largest_error(inputs, random_dy(inputs, generator), plan) < 4e-6


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
def test_views_of_any_strides(plan: ScanPlan, generator: torch.Generator) -> None:
    """Among them the gradient of a sum, a single number of stride 0."""
    inputs = random_inputs(ScanShape(2, 1, 3, 2, 7), torch.float32, ScanOptions(), generator)
    every_other = inputs._replace(
        u_bdl=inputs.u_bdl.repeat_interleave(2, dim=2)[..., ::2],
        delta_bdl=inputs.delta_bdl[:, :1].expand(-1, 3, -1),
        input_bgnl=inputs.input_bgnl.repeat_interleave(2, dim=0)[::2],
        decay_dn=inputs.decay_dn.t().contiguous().t(),
    )
    assert largest_error(every_other, torch.ones(()).expand(2, 3, 7), plan) < 1e-6


@pytest.mark.parametrize("images", [1, 2, 5])
def test_few_images_at_a_time(images: int, generator: torch.Generator) -> None:
    inputs = random_inputs(ScanShape(5, 1, 2, 2, 4), torch.float32, ScanOptions(), generator)
    most_bytes = images * 2 * 2 * 4 * 4
    assert largest_error(inputs, random_dy(inputs, generator), WHOLE, most_bytes) < 1e-6


def test_an_image_beyond_the_limit_is_still_done(generator: torch.Generator) -> None:
    inputs = random_inputs(ScanShape(2, 1, 2, 2, 6), torch.float32, ScanOptions(), generator)
    assert largest_error(inputs, random_dy(inputs, generator), WHOLE, most_bytes=1) < 1e-6


@pytest.mark.parametrize("asking", [(0,), (2,), (3, 6), (1, 4, 5), (0, 1, 2, 3, 4, 5, 6)], ids=str)
def test_those_that_ask_get_a_gradient(asking: tuple[int, ...], generator: torch.Generator) -> None:
    inputs = random_inputs(ScanShape(1, 2, 2, 3, 6), torch.float32, ScanOptions(), generator)
    dy = random_dy(inputs, generator)
    expected = reference_gradients(inputs, dy)
    leaves = [field.clone() if isinstance(field, Tensor) else field for field in inputs]
    for place in asking:
        leaf = leaves[place]
        assert isinstance(leaf, Tensor)
        leaf.requires_grad_()
    triton_scan(ScanInputs._make(leaves)).backward(dy)  # type: ignore[no-untyped-call]
    for place, leaf in enumerate(leaves[:-1]):
        assert isinstance(leaf, Tensor)
        theirs = expected[place]
        assert (leaf.grad is not None) == (place in asking)
        if leaf.grad is not None and theirs is not None:
            assert relative_error(leaf.grad, theirs) < 1e-6


def test_absent_operands_ask_for_nothing(generator: torch.Generator) -> None:
    inputs = random_inputs(ScanShape(1, 1, 2, 2, 5), torch.float32, PLAIN, generator)
    u_bdl = inputs.u_bdl.clone().requires_grad_()
    dy = random_dy(inputs, generator)
    triton_scan(inputs._replace(u_bdl=u_bdl)).backward(dy)  # type: ignore[no-untyped-call]
    expected = reference_gradients(inputs, dy)[0]
    assert u_bdl.grad is not None
    assert expected is not None
    assert relative_error(u_bdl.grad, expected) < 1e-6


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
@pytest.mark.parametrize("axis", ["images", "groups"])
def test_further_apart_than_int32_counts(
    axis: str, plan: ScanPlan, generator: torch.Generator, tmp_path: Path
) -> None:
    """Image 2, or group 2 of B and C, begins beyond element 2^31 of its operand; the file is all holes."""
    apart, batch, groups = 3 * 2**29, *((3, 1) if axis == "images" else (1, 3))
    inputs = random_inputs(ScanShape(batch, groups, 2, 2, 5), torch.float32, ScanOptions(), generator)
    size = 2 * apart + 2**12
    store = torch.from_file(str(tmp_path / "holes"), shared=True, size=size, dtype=torch.float16)
    places = iter(range(0, 2**12, 512))

    def spread(values: Tensor) -> Tensor:
        steps = (apart, apart, 1, values.shape[2]) if values.dim() == 4 else (apart, 1, values.shape[1])
        return store.as_strided(values.shape, steps, next(places)).copy_(values)

    u, delta, decay, b, c, skip, bias, softplus = inputs
    far = ScanInputs(spread(u), spread(delta), decay, spread(b), spread(c), skip, bias, softplus)
    assert largest_error(far, spread(random_dy(inputs, generator)), plan) < 1e-3


def test_through_routes(generator: torch.Generator) -> None:
    """As networks call it while they train: views of one projection, read in the order of the routes."""
    shape = RouteShape(batch=2, routes=2, tokens=4, width=3, rank=2, states=2)
    routes = random_routes(shape.routes, shape.tokens, 1, torch.device("cpu"))
    weights = random_weights(shape, generator)
    x = torch.randn(shape.batch, shape.tokens, shape.width, generator=generator)
    dy = torch.randn(shape.batch, shape.routes, shape.tokens, shape.width, generator=generator)
    found = []
    for backend in ("triton", "torch"):
        leaves = [tensor.clone().requires_grad_() for tensor in (x, *weights)]
        y = route_scan(leaves[0], routes, type(weights)._make(leaves[1:]), backend)
        found.append(torch.autograd.grad(y, leaves, dy))
    for ours, theirs in zip(*found, strict=True):
        assert relative_error(ours, theirs) < 2e-6

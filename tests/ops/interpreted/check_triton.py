"""Every Triton scan kernel equals the reference; run with TRITON_INTERPRET=1, see test_interpreted.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bench.ops.selective_scan import selective_scan
from bench.ops.selective_scan.cases import ScanOptions, ScanShape, random_inputs, relative_error
from bench.ops.selective_scan.inputs import ScanInputs
from bench.ops.selective_scan.reference import reference_scan
from bench.ops.selective_scan.triton import launch_scan
from bench.ops.selective_scan.triton_launch import Launch, start
from bench.ops.selective_scan.triton_layout import tokens_before_rows
from bench.ops.selective_scan.triton_plan import ScanPlan

assert os.environ["TRITON_INTERPRET"] == "1"

TILE, TILE_CUT = (
    ScanPlan("tile", rows=4, warps=1, tile=16),
    ScanPlan("tile", rows=2, warps=1, tile=16, segments=3),
)
WALK, WALK_CUT = ScanPlan("walk", rows=32, warps=1), ScanPlan("walk", rows=4, warps=1, segments=3)
PLANS = {"tile": TILE, "tile in segments": TILE_CUT, "walk": WALK, "walk in segments": WALK_CUT}


@pytest.fixture(autouse=True)
def poisoned_memory() -> None:
    torch.use_deterministic_algorithms(True)
    assert torch.empty(3).isnan().all()


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def in_double(inputs: ScanInputs) -> ScanInputs:
    return ScanInputs._make(field.double() if isinstance(field, Tensor) else field for field in inputs)


@pytest.mark.parametrize("channels_last", [False, True], ids=["bdl", "bld"])
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
@pytest.mark.parametrize(
    "shape",
    [
        ScanShape(1, 1, 3, 16, 1),
        ScanShape(2, 2, 2, 1, 19),
        ScanShape(1, 2, 3, 3, 18),
    ],
    ids=str,
)
def test_kernel(shape: ScanShape, plan: ScanPlan, channels_last: bool, generator: torch.Generator) -> None:
    for options in (
        ScanOptions(channels_last),
        ScanOptions(channels_last, skip=False, bias=False, softplus=False),
    ):
        inputs = random_inputs(shape, torch.float32, options, generator)
        assert relative_error(launch_scan(inputs, plan), reference_scan(in_double(inputs))) < 1e-6


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_dtype(dtype: torch.dtype, plan: ScanPlan, generator: torch.Generator) -> None:
    inputs = random_inputs(ScanShape(1, 2, 2, 2, 21), dtype, ScanOptions(), generator)
    y = launch_scan(inputs, plan)
    assert y.dtype == dtype
    assert relative_error(y, reference_scan(in_double(inputs))) < max(1e-14, torch.finfo(dtype).eps)


@pytest.mark.parametrize("plan", [TILE_CUT, WALK_CUT], ids=["tile", "walk"])
def test_large_steps(plan: ScanPlan, generator: torch.Generator) -> None:
    inputs = random_inputs(
        ScanShape(1, 1, 2, 16, 18), torch.float32, ScanOptions(largest_step=40.0), generator
    )
    assert relative_error(launch_scan(inputs, plan), reference_scan(in_double(inputs))) < 1e-6


def test_small_steps_keep_their_digits(generator: torch.Generator) -> None:
    """Softplus of -12 is 6e-6, of which 1 + e^x would keep one digit in float32."""
    inputs = random_inputs(
        ScanShape(1, 1, 3, 1, 20), torch.float32, ScanOptions(skip=False, bias=False), generator
    )
    inputs = inputs._replace(delta_bdl=inputs.delta_bdl - 10)
    assert relative_error(launch_scan(inputs, TILE), reference_scan(in_double(inputs))) < 1e-6


def test_views_of_any_strides(generator: torch.Generator) -> None:
    inputs = random_inputs(ScanShape(2, 1, 3, 2, 18), torch.float32, ScanOptions(), generator)
    every_other = inputs._replace(
        u_bdl=inputs.u_bdl.repeat_interleave(2, dim=2)[..., ::2],
        delta_bdl=inputs.delta_bdl[:, :1].expand(-1, 3, -1),
        input_bgnl=inputs.input_bgnl.repeat_interleave(2, dim=0)[::2],
    )
    expected = reference_scan(in_double(every_other))
    for plan in PLANS.values():
        assert relative_error(launch_scan(every_other, plan), expected) < 1e-6


def test_chosen_plan_and_gradients(generator: torch.Generator) -> None:
    inputs = random_inputs(ScanShape(1, 2, 2, 3, 11), torch.float32, ScanOptions(), generator)
    dy = torch.randn(inputs.u_bdl.shape, generator=generator)
    found: dict[str, list[Tensor]] = {}
    for backend in ("triton", "reference"):
        leaves = [field.clone().requires_grad_() for field in inputs if isinstance(field, Tensor)]
        leaves[2].requires_grad_(False)
        u, delta, a, b, c, d, bias = leaves
        y = selective_scan(u, delta, a, b, c, d, bias, delta_softplus=True, backend=backend)
        y.backward(dy)
        found[backend] = [y, *(leaf.grad for leaf in leaves if leaf.grad is not None)]
    assert len(found["triton"]) == 7
    for ours, theirs in zip(found["triton"], found["reference"], strict=True):
        assert relative_error(ours, theirs) < 1e-5


def test_swap(generator: torch.Generator) -> None:
    x = torch.randn(2, 3, 70, generator=generator)
    swapped = tokens_before_rows(x, torch.float16)
    assert swapped.stride() == (210, 1, 3)
    assert torch.equal(swapped, x.half())


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
def test_groups_further_apart_than_int32_counts(
    plan: ScanPlan, generator: torch.Generator, tmp_path: Path
) -> None:
    """Group 2 begins beyond element 2^31 of its operand, as with large batches; the file is all holes."""
    apart, shape = 3 * 2**29, ScanShape(1, 3, 2, 2, 21)
    inputs = random_inputs(shape, torch.float32, ScanOptions(), generator)
    size = 2 * apart + 2**12
    store = torch.from_file(str(tmp_path / "holes"), shared=True, size=size, dtype=torch.float16)

    def spread(values: Tensor, start: int) -> Tensor:
        inner = values.shape[2]
        far = store.as_strided(values.shape, (apart, apart, 1, inner), start)
        return far.copy_(values)

    u, delta = (x.unflatten(1, (3, -1)) for x in inputs[:2])
    operands = [spread(x, 512 * place) for place, x in enumerate((u, delta, *inputs[3:5]))]
    y = spread(torch.full_like(u, torch.nan), 512 * 4)
    launch = Launch(
        *(*operands[:2], inputs.decay_dn, *operands[2:], *inputs[5:], y),
        state_dtype=torch.float32,
    )
    start(launch, plan)
    rounded = inputs._replace(
        u_bdl=operands[0].flatten(1, 2),
        delta_bdl=operands[1].flatten(1, 2),
        input_bgnl=operands[2],
        output_bgnl=operands[3],
    )
    assert relative_error(y.flatten(1, 2), reference_scan(in_double(rounded))) < 1e-3

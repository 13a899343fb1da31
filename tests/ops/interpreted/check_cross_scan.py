"""The fused cross scan equals the composed one; run with TRITON_INTERPRET=1, see test_interpreted.py."""

from __future__ import annotations

import os

import pytest
import torch

from bench.ops.cross_scan import cross_selective_scan
from bench.ops.cross_scan.composed import composed_scan
from bench.ops.cross_scan.fused import fused_scan
from bench.ops.cross_scan.inputs import CrossInputs
from bench.ops.selective_scan.cases import relative_error
from bench.ops.selective_scan.triton_plan import ScanPlan

assert os.environ["TRITON_INTERPRET"] == "1"

TILE, WALK = ScanPlan("tile", rows=16, warps=1, tile=16), ScanPlan("walk", rows=16, warps=1)


@pytest.fixture(autouse=True)
def poisoned_memory() -> None:
    torch.use_deterministic_algorithms(True)
    assert torch.empty(3).isnan().all()


def operands(states: int, dtype: torch.dtype, width: int = 3, rank: int = 3) -> CrossInputs:
    generator = torch.Generator().manual_seed(states)

    def normal(*size: int) -> torch.Tensor:
        return torch.randn(size, generator=generator)

    return CrossInputs(
        normal(1, 3, 6, width).to(dtype),
        normal(4, rank + 2 * states, width),
        normal(4, width, rank),
        -normal(4 * width, states).exp(),
        normal(4 * width),
        normal(4 * width) - 2,
    )


@pytest.mark.parametrize("segments", [1, 2])
@pytest.mark.parametrize("plan", [TILE, WALK], ids=["tile", "walk"])
@pytest.mark.parametrize("states", [1, 3])
def test_equals_composed(states: int, plan: ScanPlan, segments: int) -> None:
    inputs = operands(states, torch.float32)
    double = CrossInputs._make(tensor.double() for tensor in inputs)
    y = fused_scan(inputs, plan._replace(segments=segments))
    assert y.dtype == torch.float32
    assert relative_error(y, composed_scan(double, "reference")) < 1e-6


@pytest.mark.parametrize("states", [1, 3])
def test_half_precision_and_chosen_plan(states: int) -> None:
    inputs = operands(states, torch.float16)
    y = cross_selective_scan(*inputs, backend="triton")
    assert relative_error(y, composed_scan(inputs, "reference")) < 4e-3


def test_gradients_take_the_composition() -> None:
    inputs = operands(1, torch.float32)
    x = inputs.x_bhwd.clone().requires_grad_()
    cross_selective_scan(x, *inputs[1:], backend="triton").sum().backward()
    expected = inputs.x_bhwd.double().requires_grad_()
    double = (tensor.double() for tensor in inputs[1:])
    composed_scan(CrossInputs(expected, *double), "reference").sum().backward()
    assert x.grad is not None
    assert expected.grad is not None
    assert relative_error(x.grad, expected.grad) < 1e-5

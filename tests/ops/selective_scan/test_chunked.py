"""The chunked scan equals the reference, forward and backward, whatever the shape and the cuts."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bench.ops.selective_scan import chunked
from bench.ops.selective_scan.cases import ScanOptions, ScanShape, random_inputs, relative_error
from bench.ops.selective_scan.chunked import chunked_scan
from bench.ops.selective_scan.inputs import ScanInputs
from bench.ops.selective_scan.reference import reference_scan

SHAPES = [
    ScanShape(batch, groups, width, states, tokens)
    for batch, groups, width, states in [(1, 1, 3, 16), (2, 4, 2, 1), (2, 2, 5, 16)]
    for tokens in (1, 2, 63, 197, 1000)
]


def in_double(inputs: ScanInputs) -> ScanInputs:
    return ScanInputs._make(field.double() if isinstance(field, Tensor) else field for field in inputs)


def gradients(scan: object, inputs: ScanInputs, dy_bdl: Tensor) -> list[Tensor]:
    leaves = [field.clone().requires_grad_() for field in inputs if isinstance(field, Tensor)]
    fields = iter(leaves)
    asked = ScanInputs._make(next(fields) if isinstance(field, Tensor) else field for field in inputs)
    assert callable(scan)
    return list(torch.autograd.grad(scan(asked), leaves, dy_bdl))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_forward(
    shape: ScanShape, dtype: torch.dtype, generator: torch.Generator, poisoned_memory: None
) -> None:
    inputs = random_inputs(shape, dtype, ScanOptions(), generator)
    with torch.inference_mode():
        y = chunked_scan(inputs)
    assert y.dtype == dtype
    assert y.shape == inputs.u_bdl.shape
    assert relative_error(y, reference_scan(in_double(inputs))) < max(1e-6, torch.finfo(dtype).eps)


@pytest.mark.parametrize(
    "options",
    [
        ScanOptions(skip=False),
        ScanOptions(bias=False),
        ScanOptions(softplus=False, bias=False, skip=False),
        ScanOptions(channels_last=True),
        ScanOptions(largest_step=40.0),
    ],
    ids=str,
)
def test_options_and_gradients(options: ScanOptions, generator: torch.Generator) -> None:
    inputs = random_inputs(ScanShape(2, 2, 3, 16, 131), torch.float32, options, generator)
    double = in_double(inputs)
    dy = torch.randn(inputs.u_bdl.shape, generator=generator)
    assert relative_error(chunked_scan(inputs), reference_scan(double)) < 1e-6
    ours, theirs = gradients(chunked_scan, inputs, dy), gradients(reference_scan, double, dy.double())
    for found, expected in zip(ours, theirs, strict=True):
        assert relative_error(found, expected) < 1e-5


@pytest.mark.parametrize("budget", [1, 400, 1 << 20])
def test_cuts_change_nothing(
    budget: int, monkeypatch: pytest.MonkeyPatch, generator: torch.Generator
) -> None:
    inputs = random_inputs(ScanShape(1, 2, 3, 4, 101), torch.float64, ScanOptions(), generator)
    monkeypatch.setitem(chunked._CHUNK_STATES, "cpu", budget)
    dy = torch.randn(inputs.u_bdl.shape, generator=generator, dtype=torch.float64)
    assert relative_error(chunked_scan(inputs), reference_scan(inputs)) < 1e-14
    for found, expected in zip(
        gradients(chunked_scan, inputs, dy), gradients(reference_scan, inputs, dy), strict=True
    ):
        assert relative_error(found, expected) < 1e-13


def test_gradcheck(generator: torch.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(chunked._CHUNK_STATES, "cpu", 1)
    inputs = random_inputs(ScanShape(1, 2, 1, 2, 21), torch.float64, ScanOptions(), generator)
    tensors = [field.requires_grad_() for field in inputs if isinstance(field, Tensor)]
    assert torch.autograd.gradcheck(lambda *fields: chunked_scan(ScanInputs._make((*fields, True))), tensors)


def test_infinite_memory_and_none(generator: torch.Generator) -> None:
    """A step of 0 keeps the state for ever; one of 1e4 drops it, and nothing overflows on the way."""
    inputs = random_inputs(ScanShape(1, 1, 2, 16, 300), torch.float32, ScanOptions(bias=False), generator)
    for step in (-1e4, 1e4):
        flat = inputs._replace(delta_bdl=torch.full_like(inputs.delta_bdl, step))
        y = chunked_scan(flat)
        assert y.isfinite().all()
        assert relative_error(y, reference_scan(in_double(flat))) < 1e-6

"""Operands to test and to time the scan with, and the rows of the published comparison."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from bench.ops.selective_scan.inputs import ScanInputs


class ScanShape(NamedTuple):
    """Sizes of one scan: `width` channels in each of `groups` groups."""

    batch: int
    groups: int
    width: int
    states: int
    tokens: int


class ScanRow(NamedTuple):
    """One row of the comparison; `official_ms` is the fastest published kernel on one H100, forward."""

    name: str
    shape: ScanShape
    dtype: torch.dtype
    official_ms: float

    @property
    def minimum_bytes(self) -> int:
        """Bytes of u, delta, y, B and C, each moved once."""
        batch, groups, width, states, tokens = self.shape
        return batch * groups * (3 * width + 2 * states) * tokens * self.dtype.itemsize


ROWS = (
    ScanRow("vmamba s1 stage 1", ScanShape(128, 4, 96, 1, 3136), torch.float16, 1.047),
    ScanRow("vmamba s1 stage 2", ScanShape(128, 4, 192, 1, 784), torch.float16, 0.525),
    ScanRow("vmamba s1 stage 3", ScanShape(128, 4, 384, 1, 196), torch.float16, 0.287),
    ScanRow("vmamba s1 stage 4", ScanShape(128, 4, 768, 1, 49), torch.float16, 0.270),
    ScanRow("vmamba v0 stage 1", ScanShape(64, 4, 192, 16, 3136), torch.float32, 6.381),
    ScanRow("vmamba v0 stage 3", ScanShape(64, 4, 768, 16, 196), torch.float32, 1.404),
    ScanRow("vim-s 224", ScanShape(128, 1, 768, 16, 197), torch.float16, 0.717),
    ScanRow("vim-s 1248", ScanShape(4, 1, 768, 16, 6085), torch.float16, 0.528),
    ScanRow("vmamba s1 512x2048", ScanShape(4, 4, 96, 1, 65536), torch.float16, 0.406),
)
"""VMamba and Vim at 224, and two large inputs; fastest of the three official kernels, torch 2.11, CUDA 13."""


class ScanOptions(NamedTuple):
    """Optional operands and the memory layout; `channels_last` is (b, l, d) memory, states innermost."""

    channels_last: bool = False
    skip: bool = True
    bias: bool = True
    softplus: bool = True
    largest_step: float = 0.1


def random_inputs(
    shape: ScanShape, dtype: torch.dtype, options: ScanOptions, generator: torch.Generator
) -> ScanInputs:
    """Return operands on the device of `generator`; weights are float32, or float64 for float64 `dtype`.

    Step sizes lie between 0.001 and about `largest_step` and decay rates between -1 and -states, as a
    trained model has them.
    """
    batch, groups, width, states, tokens = shape
    channels, device = groups * width, generator.device
    weight_dtype = torch.float64 if dtype == torch.float64 else torch.float32

    def normal(*size: int) -> Tensor:
        return torch.randn(size, generator=generator, device=device, dtype=weight_dtype)

    step_d = torch.rand(channels, generator=generator, device=device, dtype=weight_dtype)
    step_d = 0.001 * (options.largest_step / 0.001) ** step_d
    bias_d = torch.log(torch.expm1(step_d)) if options.softplus else step_d
    delta_bdl = normal(batch, channels, tokens) if options.softplus else normal(batch, channels, tokens).abs()
    if not options.bias:
        delta_bdl = delta_bdl - 2 if options.softplus else delta_bdl * options.largest_step
    decay_dn = -torch.arange(1.0, states + 1, device=device, dtype=weight_dtype).repeat(channels, 1)
    operands = [normal(batch, channels, tokens), delta_bdl, normal(batch, groups, states, tokens)]
    operands.append(normal(batch, groups, states, tokens))
    if options.channels_last:
        operands = [operand.movedim(-1, 1).contiguous().movedim(1, -1) for operand in operands]
    u_bdl, delta_bdl, input_bgnl, output_bgnl = (operand.to(dtype) for operand in operands)
    return ScanInputs(
        u_bdl,
        delta_bdl,
        decay_dn,
        input_bgnl,
        output_bgnl,
        normal(channels) if options.skip else None,
        bias_d if options.bias else None,
        options.softplus,
    )


def relative_error(found: Tensor, expected: Tensor) -> float:
    """Return the largest difference over the largest value of `expected`; NaN where `found` has one.

    Where all of `expected` is 0 it is the largest value of `found`.
    """
    found, expected = found.detach().double(), expected.detach().double()
    scale = float(expected.abs().max())
    return float((found - expected).abs().max()) / (scale if scale else 1.0)

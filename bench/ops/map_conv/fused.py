# ruff: noqa: N803, PLR0913, PLR0917 -- a kernel takes one argument per tensor, stride and switch
# mypy: disable-error-code="untyped-decorator"
"""The convolution of a map in one pass on CUDA."""

from __future__ import annotations

import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor

from bench.ops.fusing import opaque
from bench.ops.triton_rows import last_axis_dense, real_of, silu

_PIXELS, _ROWS = 16, 128


@opaque
def fused_conv(x_bhwd: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return (b, h, w, d), see `bench.ops.map_conv.map_conv`."""
    x_bhwd = last_axis_dense(x_bhwd)
    batch, height, columns, width = x_bhwd.shape
    out = torch.empty(x_bhwd.shape, dtype=x_bhwd.dtype, device=x_bhwd.device)
    grid = (triton.cdiv(height * columns, _PIXELS), triton.cdiv(width, _ROWS), batch)
    conv_kernel[grid](
        x_bhwd,
        weight.contiguous(),
        weight if bias is None else bias,
        out,
        *(*x_bhwd.stride()[:3], height, columns, width),
        BIAS=bias is not None,
        PIXELS=_PIXELS,
        ROWS=_ROWS,
        REAL=real_of(x_bhwd),
    )
    return out


@triton.jit
def conv_kernel(
    x: tl.tensor,
    weight: tl.tensor,
    bias: tl.tensor,
    out: tl.tensor,
    x_batch: tl.tensor,
    x_row: tl.tensor,
    x_column: tl.tensor,
    height: tl.tensor,
    columns: tl.tensor,
    width: tl.tensor,
    BIAS: tl.constexpr,
    PIXELS: tl.constexpr,
    ROWS: tl.constexpr,
    REAL: tl.constexpr,
) -> None:
    """Convolve PIXELS pixels, row by row, and ROWS channels of one map."""
    batch = tl.program_id(2).to(tl.int64)
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    channel = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    known = channel < width
    row, column = pixel // columns, pixel % columns
    total = tl.zeros([PIXELS, ROWS], REAL)
    if BIAS:
        total += tl.load(bias + channel, known, other=0.0).to(REAL)[None, :]
    x += batch * x_batch
    for tap in tl.static_range(9):
        down, right = row + (tap // 3 - 1), column + (tap % 3 - 1)
        inside = (down >= 0) & (down < height) & (right >= 0) & (right < columns)
        place = x + (down * x_row + right * x_column)[:, None] + channel[None, :]
        part = tl.load(place, inside[:, None] & known[None, :], other=0.0).to(REAL)
        total += part * tl.load(weight + channel * 9 + tap, known, other=0.0).to(REAL)[None, :]
    target = out + (batch * height * columns + pixel[:, None]) * width + channel[None, :]
    tl.store(
        target, silu(total).to(out.dtype.element_ty), (pixel < height * columns)[:, None] & known[None, :]
    )

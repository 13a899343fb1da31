# ruff: noqa: N803, PLR0913, PLR0917 -- a kernel takes one argument per tensor, stride and switch
# mypy: disable-error-code="untyped-decorator"
"""Norms over channels in one pass on CUDA."""

from __future__ import annotations

import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor

from bench.ops.fusing import opaque, wide_dtype
from bench.ops.norm.inputs import StreamNorm
from bench.ops.triton_rows import real_of, row_block, standardise


@opaque
def fused_layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float, dtype: torch.dtype) -> Tensor:
    """Return the layer norm of `x` over its last axis in `dtype`."""
    x = x.contiguous()
    width, out = x.shape[-1], torch.empty(x.shape, dtype=dtype, device=x.device)
    rows, padded = row_block(width)
    count = x.numel() // width
    layer_norm_kernel[(triton.cdiv(count, rows),)](
        x, weight, bias, out, count, width, EPS=eps, ROWS=rows, WIDTH=padded, REAL=real_of(x)
    )
    return out


@opaque
def fused_add_norm(
    h_blc: Tensor,
    r_blc: Tensor | None,
    norm: StreamNorm,
    rotation: tuple[Tensor, Tensor] | None,
) -> tuple[Tensor, Tensor]:
    """Return the stream and its norm, see `bench.ops.norm.add_norm`."""
    h_blc = h_blc.contiguous()
    r_blc = None if r_blc is None else r_blc.contiguous()
    stream_blc = torch.empty(h_blc.shape, dtype=wide_dtype(h_blc.dtype), device=h_blc.device)
    normed_blc = torch.empty_like(h_blc)
    tokens, width = h_blc.shape[-2:]
    rows, padded = row_block(width)
    count = h_blc.numel() // width
    cos_lc, sin_lc = (h_blc, h_blc) if rotation is None else (table.contiguous() for table in rotation)
    add_norm_kernel[(triton.cdiv(count, rows),)](
        h_blc,
        h_blc if r_blc is None else r_blc,
        norm.weight,
        norm.weight if norm.bias is None else norm.bias,
        cos_lc,
        sin_lc,
        stream_blc,
        normed_blc,
        *(count, tokens, width),
        EPS=norm.eps,
        ROWS=rows,
        WIDTH=padded,
        REAL=real_of(h_blc),
        ADD=r_blc is not None,
        CENTRE=norm.bias is not None,
        ROTATE=rotation is not None,
    )
    return stream_blc, normed_blc


@triton.jit
def layer_norm_kernel(
    x: tl.tensor,
    weight: tl.tensor,
    bias: tl.tensor,
    out: tl.tensor,
    count: tl.tensor,
    width: tl.tensor,
    EPS: tl.constexpr,
    ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
    REAL: tl.constexpr,
) -> None:
    """Normalise ROWS contiguous rows of `width` channels."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    column = tl.arange(0, WIDTH)
    known = column < width
    mask = (row < count)[:, None] & known[None, :]
    place = row[:, None] * width + column[None, :]
    normed = standardise(tl.load(x + place, mask, other=0.0).to(REAL), mask, width, EPS)
    scale = tl.load(weight + column, known, other=0.0).to(REAL)
    shift = tl.load(bias + column, known, other=0.0).to(REAL)
    tl.store(out + place, (normed * scale[None, :] + shift[None, :]).to(out.dtype.element_ty), mask)


@triton.jit
def add_norm_kernel(
    h: tl.tensor,
    r: tl.tensor,
    weight: tl.tensor,
    bias: tl.tensor,
    cos: tl.tensor,
    sin: tl.tensor,
    stream: tl.tensor,
    normed: tl.tensor,
    count: tl.tensor,
    tokens: tl.tensor,
    width: tl.tensor,
    EPS: tl.constexpr,
    ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
    REAL: tl.constexpr,
    ADD: tl.constexpr,
    CENTRE: tl.constexpr,
    ROTATE: tl.constexpr,
) -> None:
    """Add `h` to `r`, turn pairs of channels, write the sum and its norm."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    column = tl.arange(0, WIDTH)
    known = column < width
    mask = (row < count)[:, None] & known[None, :]
    place = row[:, None] * width + column[None, :]
    total = tl.load(h + place, mask, other=0.0).to(REAL)
    if ADD:
        total += tl.load(r + place, mask, other=0.0).to(REAL)
    if ROTATE:
        # both neighbours turn by the same angle: (x, x') to (x cos - x' sin, x' cos + x sin)
        other = row[:, None] * width + (column ^ 1)[None, :]
        partner = tl.load(h + other, mask, other=0.0).to(REAL)
        if ADD:
            partner += tl.load(r + other, mask, other=0.0).to(REAL)
        angle = (row % tokens)[:, None] * width + column[None, :]
        sign = tl.where(column % 2 == 0, -1.0, 1.0)[None, :]
        cosine = tl.load(cos + angle, mask, other=0.0).to(REAL)
        total = total * cosine + sign * partner * tl.load(sin + angle, mask, other=0.0).to(REAL)
    tl.store(stream + place, total.to(stream.dtype.element_ty), mask)
    scale = tl.load(weight + column, known, other=0.0).to(REAL)[None, :]
    if CENTRE:
        shift = tl.load(bias + column, known, other=0.0).to(REAL)[None, :]
        result = standardise(total, mask, width, EPS) * scale + shift
    else:
        square = tl.sum(tl.where(mask, total * total, 0.0), 1) / width
        result = total * (1.0 / tl.sqrt(square + EPS))[:, None] * scale
    tl.store(normed + place, result.to(normed.dtype.element_ty), mask)

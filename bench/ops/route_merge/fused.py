# ruff: noqa: N803, PLR0913, PLR0917 -- a kernel takes one argument per tensor, stride and switch
# mypy: disable-error-code="untyped-decorator"
"""The merge of routes on CUDA: every output of the scan is read once."""

from __future__ import annotations

import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor

from bench.ops.fusing import opaque, wide_dtype
from bench.ops.route_merge.inputs import Merge, NormWeights
from bench.ops.triton_rows import last_axis_dense, real_of, row_block, silu, standardise

# Tokens that one program of the means adds up; their sums meet in a second, small step.
_MEAN_TOKENS = 64
# Rows of a block of the means over those of other kernels: fewer rounds of sums across its warps.
_MEAN_ROWS = 2


@opaque
def fused_merge(y_bkld: Tensor, merge: Merge, norm: NormWeights | None) -> Tensor:
    """Return (b, l, d), see `bench.ops.route_merge.merge_routes`."""
    y_bkld = last_axis_dense(y_bkld)
    batch, count, tokens, width = y_bkld.shape
    out_bld = torch.empty((batch, tokens, width), dtype=y_bkld.dtype, device=y_bkld.device)
    rows, padded = row_block(width)
    z_bld = None if merge.z_bld is None else last_axis_dense(merge.z_bld)
    each = z_bld is not None and merge.gate == "each"
    absent = out_bld  # a switch tells the kernel not to touch what stands in for an absent operand
    merge_kernel[(triton.cdiv(tokens, rows), batch)](
        y_bkld,
        absent if merge.factor_bkd is None else merge.factor_bkd.contiguous(),
        absent if z_bld is None else z_bld,
        absent if merge.origin_kl is None else merge.origin_kl,
        absent if norm is None else norm.weight,
        absent if norm is None else norm.bias,
        out_bld,
        *y_bkld.stride()[:3],
        *((0, 0) if z_bld is None else z_bld.stride()[:2]),
        *(tokens, width),
        SCALE=merge.scale,
        EPS=0.0 if norm is None else norm.eps,
        ROUTES=count,
        ROWS=rows,
        WIDTH=padded,
        REAL=real_of(y_bkld),
        FACTOR=merge.factor_bkd is not None,
        EACH=each,
        ORIGIN=each and merge.origin_kl is not None,
        NORM=norm is not None,
        SUM=z_bld is not None and not each,
    )
    return out_bld


@opaque
def fused_means(y_bkld: Tensor, merge: Merge, norm: NormWeights) -> Tensor:
    """Return (b, k, d), see `bench.ops.route_merge.mean_normed`."""
    y_bkld = last_axis_dense(y_bkld)
    batch, count, tokens, width = y_bkld.shape
    chunks, wide = triton.cdiv(tokens, _MEAN_TOKENS), wide_dtype(y_bkld.dtype)
    sums_tbkd = torch.empty((chunks, batch, count, width), dtype=wide, device=y_bkld.device)
    rows, padded = row_block(width)
    each = merge.z_bld is not None and merge.gate == "each"
    z_bld = last_axis_dense(merge.z_bld) if each and merge.z_bld is not None else None
    means_kernel[(chunks, batch * count)](
        y_bkld,
        y_bkld if z_bld is None else z_bld,
        y_bkld if merge.origin_kl is None else merge.origin_kl,
        sums_tbkd,
        *y_bkld.stride()[:3],
        *((0, 0) if z_bld is None else z_bld.stride()[:2]),
        *(tokens, width),
        EPS=norm.eps,
        ROUTES=count,
        ROWS=min(_MEAN_ROWS * rows, _MEAN_TOKENS),
        WIDTH=padded,
        REAL=real_of(y_bkld),
        EACH=each,
        ORIGIN=each and merge.origin_kl is not None,
        CHUNK=_MEAN_TOKENS,
    )
    mean_bkd: Tensor = sums_tbkd.sum(0) / tokens * norm.weight.to(wide) + norm.bias.to(wide)
    return mean_bkd


@triton.jit
def gate_of(
    z: tl.tensor,
    origins: tl.tensor,
    token: tl.tensor,
    first: tl.tensor,
    z_token: tl.tensor,
    column: tl.tensor,
    mask: tl.tensor,
    tokens: tl.tensor,
    REAL: tl.constexpr,
    ORIGIN: tl.constexpr,
) -> tl.tensor:
    """Return SiLU of the gate (tokens, channels) of `token`, or of the tokens that a table names for them."""
    if ORIGIN:
        token = tl.load(origins + first + token, token < tokens, other=0)
    return silu(tl.load(z + token[:, None] * z_token + column[None, :], mask, other=0.0).to(REAL))


@triton.jit
def merge_kernel(
    y: tl.tensor,
    factor: tl.tensor,
    z: tl.tensor,
    origins: tl.tensor,
    weight: tl.tensor,
    bias: tl.tensor,
    out: tl.tensor,
    y_batch: tl.tensor,
    y_route: tl.tensor,
    y_token: tl.tensor,
    z_batch: tl.tensor,
    z_token: tl.tensor,
    tokens: tl.tensor,
    width: tl.tensor,
    SCALE: tl.constexpr,
    EPS: tl.constexpr,
    ROUTES: tl.constexpr,
    ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
    REAL: tl.constexpr,
    FACTOR: tl.constexpr,
    EACH: tl.constexpr,
    ORIGIN: tl.constexpr,
    NORM: tl.constexpr,
    SUM: tl.constexpr,
) -> None:
    """Merge the routes of ROWS tokens of one image."""
    batch = tl.program_id(1).to(tl.int64)
    token = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    column = tl.arange(0, WIDTH)
    known = column < width
    mask = (token < tokens)[:, None] & known[None, :]
    y += batch * y_batch + token[:, None] * y_token + column[None, :]
    z += batch * z_batch
    total = tl.zeros([ROWS, WIDTH], REAL)
    for route in tl.static_range(ROUTES):
        part = tl.load(y + route * y_route, mask, other=0.0).to(REAL)
        if EACH:
            part *= gate_of(z, origins, token, route * tokens, z_token, column, mask, tokens, REAL, ORIGIN)
        if FACTOR:
            place = factor + (batch * ROUTES + route) * width + column
            part *= tl.load(place, known, other=0.0).to(REAL)[None, :]
        total += part
    total *= SCALE
    if NORM:
        normed = standardise(total, mask, width, EPS)
        total = normed * tl.load(weight + column, known, other=0.0).to(REAL)[None, :]
        total += tl.load(bias + column, known, other=0.0).to(REAL)[None, :]
    if SUM:
        total *= gate_of(z, origins, token, 0, z_token, column, mask, tokens, REAL, False)
    target = out + (batch * tokens + token[:, None]) * width + column[None, :]
    tl.store(target, total.to(out.dtype.element_ty), mask)


@triton.jit
def means_kernel(
    y: tl.tensor,
    z: tl.tensor,
    origins: tl.tensor,
    sums: tl.tensor,
    y_batch: tl.tensor,
    y_route: tl.tensor,
    y_token: tl.tensor,
    z_batch: tl.tensor,
    z_token: tl.tensor,
    tokens: tl.tensor,
    width: tl.tensor,
    EPS: tl.constexpr,
    ROUTES: tl.constexpr,
    ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
    REAL: tl.constexpr,
    EACH: tl.constexpr,
    ORIGIN: tl.constexpr,
    CHUNK: tl.constexpr,
) -> None:
    """Add up the normalised values of CHUNK tokens of one route of one image."""
    route = tl.program_id(1) % ROUTES
    batch = (tl.program_id(1) // ROUTES).to(tl.int64)
    column = tl.arange(0, WIDTH)
    known = column < width
    y += batch * y_batch + route * y_route + column[None, :]
    z += batch * z_batch
    total = tl.zeros([WIDTH], REAL)
    for first in range(0, CHUNK, ROWS):
        token = tl.program_id(0) * CHUNK + first + tl.arange(0, ROWS)
        mask = (token < tokens)[:, None] & known[None, :]
        part = tl.load(y + token[:, None] * y_token, mask, other=0.0).to(REAL)
        if EACH:
            part *= gate_of(z, origins, token, route * tokens, z_token, column, mask, tokens, REAL, ORIGIN)
        total += tl.sum(standardise(part, mask, width, EPS), 0)
    place = (tl.program_id(0).to(tl.int64) * tl.num_programs(1) + tl.program_id(1)) * width
    tl.store(sums + place + column, total, known)

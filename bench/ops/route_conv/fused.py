# ruff: noqa: N803, PLR0913, PLR0917 -- a kernel takes one argument per tensor, stride and switch
# mypy: disable-error-code="untyped-decorator"
"""The convolution along routes in one pass on CUDA."""

from __future__ import annotations

import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor

from bench.ops.fusing import opaque
from bench.ops.route_scan.inputs import Routes
from bench.ops.triton_rows import last_axis_dense, real_of, silu

_STEPS, _ROWS = 16, 128


@opaque
def fused_conv(u_bld: Tensor, routes: Routes, weight_kdt: Tensor, bias_kd: Tensor) -> Tensor:
    """Return v (b, k, s, d), see `bench.ops.route_conv.route_conv`."""
    u_bld = last_axis_dense(u_bld)
    count, width, taps = weight_kdt.shape
    batch, steps = u_bld.shape[0], routes.read_ks.shape[1]
    v_kbsd = torch.empty((count, batch, steps, width), dtype=u_bld.dtype, device=u_bld.device)
    grid = (triton.cdiv(steps, _STEPS), triton.cdiv(width, _ROWS), count * batch)
    conv_kernel[grid](
        u_bld,
        weight_kdt.contiguous(),
        bias_kd.contiguous(),
        v_kbsd,
        routes.read_ks,
        *(u_bld.stride(0), u_bld.stride(1), batch, steps, width),
        TAPS=taps,
        STEPS=_STEPS,
        ROWS=_ROWS,
        REAL=real_of(u_bld),
    )
    return v_kbsd.transpose(0, 1)


@triton.jit
def conv_kernel(
    u: tl.tensor,
    weight: tl.tensor,
    bias: tl.tensor,
    v: tl.tensor,
    reads: tl.tensor,
    u_batch: tl.tensor,
    u_token: tl.tensor,
    batch_count: tl.tensor,
    steps: tl.tensor,
    width: tl.tensor,
    TAPS: tl.constexpr,
    STEPS: tl.constexpr,
    ROWS: tl.constexpr,
    REAL: tl.constexpr,
) -> None:
    """Convolve STEPS steps and ROWS channels of one image along one route."""
    route = tl.program_id(2) // batch_count
    batch = (tl.program_id(2) % batch_count).to(tl.int64)
    step = tl.program_id(0) * STEPS + tl.arange(0, STEPS)
    row = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    known = row < width
    channel = route * width + row
    total = tl.zeros([STEPS, ROWS], REAL) + tl.load(bias + channel, known, other=0.0).to(REAL)[None, :]
    for tap in tl.static_range(TAPS):
        at = step - (TAPS - 1 - tap)
        token = tl.load(reads + route * steps + at, (at >= 0) & (at < steps), other=-1)
        place = u + batch * u_batch + token[:, None] * u_token + row[None, :]
        x = tl.load(place, (token >= 0)[:, None] & known[None, :], other=0.0).to(REAL)
        total += x * tl.load(weight + channel * TAPS + tap, known, other=0.0).to(REAL)[None, :]
    target = v + ((route * batch_count + batch) * steps + step[:, None]) * width + row[None, :]
    tl.store(target, silu(total).to(v.dtype.element_ty), (step < steps)[:, None] & known[None, :])

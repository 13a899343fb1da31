"""Start a Triton scan: strides, switches and segments of one call, along routes or plain sequences."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor

from bench.ops.selective_scan.triton_parts import RESUME, SUMMARY, WHOLE
from bench.ops.selective_scan.triton_plan import ScanPlan
from bench.ops.selective_scan.triton_tile import tile_kernel
from bench.ops.selective_scan.triton_walk import walk_kernel

_WIDEST_HINT = 16


class Launch(NamedTuple):
    """What a kernel reads and writes; c channels in each of g groups.

    `u` and `y` are (b, g, c, l); `delta` too, or with `project` (g * c, r) features (b, g, r, l) of the
    step sizes. `read` and `write` are tables (g, steps), int32 and contiguous, of the token that a step
    reads and of the one that gets its output, -1 for none; None where step and token are the same.
    """

    u_bgcl: Tensor
    delta_bgcl: Tensor
    decay_dn: Tensor
    input_bgnl: Tensor
    output_bgnl: Tensor
    skip_d: Tensor | None
    bias_d: Tensor | None
    softplus: bool
    y_bgcl: Tensor
    state_dtype: torch.dtype
    read_gs: Tensor | None = None
    write_gs: Tensor | None = None
    project_dr: Tensor | None = None

    @property
    def steps(self) -> int:
        """Steps of every group's walk."""
        return self.u_bgcl.shape[3] if self.read_gs is None else self.read_gs.shape[1]


def start(launch: Launch, plan: ScanPlan) -> None:
    """Fill `launch.y_bgcl` by `plan`; two passes over the steps where the plan cuts them."""
    segments, each = cut_steps(launch, plan)
    if segments == 1:
        _pass(launch, plan, (launch.y_bgcl, launch.y_bgcl), (1, each, WHOLE))
        return
    _pass(launch, plan, summarise(launch, plan), (segments, each, RESUME))


def cut_steps(launch: Launch, plan: ScanPlan) -> tuple[int, int]:
    """Return the number of segments that `plan` makes of the steps, and the steps of each but the last."""
    each = plan.tile * -(-launch.steps // plan.segments // plan.tile)
    return -(-launch.steps // each), each


def summarise(launch: Launch, plan: ScanPlan) -> tuple[Tensor, Tensor]:
    """Return what all segments but the last add to the state (b, s, n, d) and their steps' sums (b, s, d)."""
    (batch, groups, width, _), (segments, each) = launch.u_bgcl.shape, cut_steps(launch, plan)
    kind, states = launch.state_dtype, launch.decay_dn.shape[1]
    ends_bsnd = launch.u_bgcl.new_empty((batch, segments - 1, states, groups * width), dtype=kind)
    spans_bsd = launch.u_bgcl.new_empty((batch, segments - 1, groups * width), dtype=kind)
    _pass(launch, plan, (ends_bsnd, spans_bsd), (segments - 1, each, SUMMARY))
    return ends_bsnd, spans_bsd


def _pass(launch: Launch, plan: ScanPlan, borders: tuple[Tensor, Tensor], cut: tuple[int, int, int]) -> None:
    batch, groups, width, _ = launch.u_bgcl.shape
    segments, segment_steps, phase = cut
    u_bgcl = launch.u_bgcl
    tensors = (u_bgcl, launch.delta_bgcl, launch.decay_dn.contiguous(), launch.input_bgnl, launch.output_bgnl)
    # a switch tells the kernel not to touch what stands in for an absent operand
    vectors = tuple(
        u_bgcl if vector is None else vector.contiguous() for vector in (launch.skip_d, launch.bias_d)
    )
    tables = tuple(u_bgcl if table is None else table for table in (launch.read_gs, launch.write_gs))
    strided = (u_bgcl, launch.delta_bgcl, launch.input_bgnl, launch.output_bgnl, launch.y_bgcl)
    strides = tuple(tensor.stride() for tensor in strided)
    sizes = (*strides, launch.steps, width, groups, segment_steps)
    grid = (batch * groups * triton.cdiv(width, plan.rows), segments)
    operands = (*tensors, *vectors, launch.y_bgcl, *borders, *tables)
    switches = _switches(launch, plan, phase)
    if plan.kernel == "walk":
        walk_kernel[grid](*operands, *sizes, **switches)
        return
    project_dr = u_bgcl if launch.project_dr is None else launch.project_dr
    rank = 0 if launch.project_dr is None else launch.project_dr.shape[1]
    tile_kernel[grid](
        *(*operands, project_dr, *sizes),
        **switches,
        PADDED=triton.next_power_of_2(launch.decay_dn.shape[1]),
        AXIS=(axis := _token_axis(launch)),
        HINT=_hint(launch) if axis == 1 else math.gcd(_WIDEST_HINT, launch.steps),
        STAGES=plan.stages,
        RANK=rank,
        RANK_PADDED=max(16, triton.next_power_of_2(rank)) if rank else 16,
    )


def _switches(launch: Launch, plan: ScanPlan, phase: int) -> dict[str, Any]:
    return {
        "STATES": launch.decay_dn.shape[1],
        "ROWS": plan.rows,
        "TILE": plan.tile,
        "SKIP": launch.skip_d is not None,
        "BIAS": launch.bias_d is not None,
        "SOFTPLUS": launch.softplus,
        "PHASE": phase,
        "REAL": tl.float64 if launch.state_dtype == torch.float64 else tl.float32,
        "READ": launch.read_gs is not None,
        "WRITE": launch.write_gs is not None,
        "num_warps": plan.warps,
    }


def _token_axis(launch: Launch) -> int:
    """Return the tile's axis of tokens, so that its last axis is the one without gaps in memory."""
    return 0 if launch.u_bgcl.stride(2) == 1 and launch.u_bgcl.stride(3) != 1 else 1


def _hint(launch: Launch) -> int:
    tensors = (launch.u_bgcl, launch.delta_bgcl, launch.y_bgcl)
    steps = [tensor.stride(axis) for tensor in tensors for axis in (1, 2)]
    return math.gcd(_WIDEST_HINT, launch.u_bgcl.shape[3], *steps)

"""The scan on CUDA: Triton forward, backward by recomputation through the plain chunked scan."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor
from torch.autograd.function import once_differentiable

from bench.ops.selective_scan.chunked import chunked_scan
from bench.ops.selective_scan.inputs import ScanInputs
from bench.ops.selective_scan.triton_layout import tokens_before_rows
from bench.ops.selective_scan.triton_parts import RESUME, SUMMARY, WHOLE
from bench.ops.selective_scan.triton_plan import ScanPlan, channels_lie_together, choose_plan
from bench.ops.selective_scan.triton_tile import tile_kernel
from bench.ops.selective_scan.triton_walk import walk_kernel

_WIDEST_HINT = 16


def triton_scan(inputs: ScanInputs) -> Tensor:
    """Return y (b, d, l) of `inputs`, channels together in memory where a walk computed it."""
    return cast(Tensor, _TritonScan.apply(*inputs))


def launch_scan(inputs: ScanInputs, plan: ScanPlan) -> Tensor:
    """Return y (b, d, l) by one given plan, without gradients; for tuning and for tests of each kernel."""
    if plan.kernel == "walk":
        inputs = _for_walk(inputs)
    batch, channels, tokens = inputs.u_bdl.shape
    if channels_lie_together(inputs):
        y_bdl = inputs.u_bdl.new_empty((batch, tokens, channels)).transpose(1, 2)
    else:
        y_bdl = inputs.u_bdl.new_empty((batch, channels, tokens))
    step = plan.tile * -(-tokens // plan.segments // plan.tile)
    segments = -(-tokens // step)
    if segments == 1:
        _launch(inputs, plan, y_bdl, (y_bdl, y_bdl), (1, step, WHOLE))
        return y_bdl
    kind, states = inputs.state_dtype, inputs.decay_dn.shape[1]
    ends_bsnd = inputs.u_bdl.new_empty((batch, segments - 1, states, channels), dtype=kind)
    spans_bsd = inputs.u_bdl.new_empty((batch, segments - 1, channels), dtype=kind)
    _launch(inputs, plan, y_bdl, (ends_bsnd, spans_bsd), (segments - 1, step, SUMMARY))
    _launch(inputs, plan, y_bdl, (ends_bsnd, spans_bsd), (segments, step, RESUME))
    return y_bdl


def _launch(
    inputs: ScanInputs,
    plan: ScanPlan,
    y_bdl: Tensor,
    borders: tuple[Tensor, Tensor],
    cut: tuple[int, int, int],
) -> None:
    (batch, channels, tokens), (groups, states) = inputs.u_bdl.shape, inputs.input_bgnl.shape[1:3]
    segments, segment_tokens, phase = cut
    width = channels // groups
    u_bdl, delta_bdl, decay_dn, input_bgnl, output_bgnl, skip_d, bias_d, softplus = inputs
    operands = (u_bdl, delta_bdl, decay_dn.contiguous(), input_bgnl, output_bgnl)
    vectors = tuple(u_bdl if vector is None else vector.contiguous() for vector in (skip_d, bias_d))
    strides = tuple(operand.stride() for operand in (u_bdl, delta_bdl, input_bgnl, output_bgnl, y_bdl))
    switches: dict[str, Any] = {
        "STATES": states,
        "PADDED": triton.next_power_of_2(states),
        "ROWS": plan.rows,
        "SKIP": skip_d is not None,
        "BIAS": bias_d is not None,
        "SOFTPLUS": softplus,
        "PHASE": phase,
        "REAL": tl.float64 if inputs.state_dtype == torch.float64 else tl.float32,
        "num_warps": plan.warps,
    }
    grid = (batch * groups * triton.cdiv(width, plan.rows), segments)
    common = (*operands, *vectors, y_bdl, *borders, *strides, tokens, width, groups, segment_tokens)
    if plan.kernel == "walk":
        walk_kernel[grid](*common, 1, **switches)
        return
    axis = 0 if channels_lie_together(inputs) else 1
    rows = () if axis == 0 else (u_bdl.stride(1), delta_bdl.stride(1), y_bdl.stride(1))
    hint = math.gcd(_WIDEST_HINT, tokens, *rows)
    tile_kernel[grid](*common, **switches, TILE=plan.tile, AXIS=axis, HINT=hint, STAGES=plan.stages)


def _for_walk(inputs: ScanInputs) -> ScanInputs:
    """Return the inputs with channels together, and with the states of B and C together in state dtype."""
    u_bdl, delta_bdl = inputs.u_bdl, inputs.delta_bdl
    if not channels_lie_together(inputs):
        u_bdl = tokens_before_rows(u_bdl, u_bdl.dtype)
        delta_bdl = tokens_before_rows(delta_bdl, delta_bdl.dtype)
    return inputs._replace(
        u_bdl=u_bdl,
        delta_bdl=delta_bdl,
        input_bgnl=_states_together(inputs.input_bgnl, inputs.state_dtype),
        output_bgnl=_states_together(inputs.output_bgnl, inputs.state_dtype),
    )


def _states_together(weight_bgnl: Tensor, dtype: torch.dtype) -> Tensor:
    groups, states = weight_bgnl.shape[1:3]
    if states == 1 or weight_bgnl.stride(2) == 1:
        return weight_bgnl
    weight_brl = tokens_before_rows(weight_bgnl.flatten(1, 2), dtype)
    return cast(Tensor, weight_brl.unflatten(1, (groups, states)))


class _TritonScan(torch.autograd.Function):
    """Only the inputs are kept; the backward pass scans them again in plain torch."""

    @staticmethod
    def forward(ctx: Any, *operands: Any) -> Tensor:
        """Scan by the chosen plan."""
        inputs = ScanInputs(*operands)
        ctx.save_for_backward(*operands[:-1])
        ctx.softplus = inputs.softplus
        return launch_scan(inputs, choose_plan(inputs))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_bdl: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the tensors that ask for one."""
        wanted = ctx.needs_input_grad
        leaves = [
            None if tensor is None else tensor.detach().requires_grad_(asked)
            for tensor, asked in zip(ctx.saved_tensors, wanted, strict=False)
        ]
        with torch.enable_grad():
            y_bdl = chunked_scan(ScanInputs._make((*leaves, ctx.softplus)))
        asking = [leaf for leaf, asked in zip(leaves, wanted, strict=False) if asked and leaf is not None]
        found = iter(torch.autograd.grad(y_bdl, asking, grad_bdl))
        return tuple(next(found) if asked else None for asked in wanted)

"""The scan on CUDA, forward and backward by Triton kernels."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from bench.ops.selective_scan.inputs import ScanInputs
from bench.ops.selective_scan.triton_backward import scan_gradients
from bench.ops.selective_scan.triton_launch import Launch, start
from bench.ops.selective_scan.triton_layout import tokens_before_rows
from bench.ops.selective_scan.triton_plan import ScanPlan, channels_lie_together, choose_plan


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
    groups = inputs.input_bgnl.shape[1]
    by_group = [tensor.unflatten(1, (groups, -1)) for tensor in (inputs.u_bdl, inputs.delta_bdl, y_bdl)]
    u_bgcl, delta_bgcl, y_bgcl = by_group
    start(Launch(u_bgcl, delta_bgcl, *inputs[2:], y_bgcl, inputs.state_dtype), plan)
    return y_bdl


def _for_walk(inputs: ScanInputs) -> ScanInputs:
    """Return the inputs with channels together in memory, as the walk reads them."""
    if channels_lie_together(inputs):
        return inputs
    u_bdl, delta_bdl = inputs.u_bdl, inputs.delta_bdl
    return inputs._replace(
        u_bdl=tokens_before_rows(u_bdl, u_bdl.dtype), delta_bdl=tokens_before_rows(delta_bdl, delta_bdl.dtype)
    )


class _TritonScan(torch.autograd.Function):
    """Only the inputs are kept; the backward pass computes the states again."""

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
        inputs = ScanInputs._make((*ctx.saved_tensors, ctx.softplus))
        found = (*scan_gradients(inputs, grad_bdl), None)
        return tuple(grad if asked else None for grad, asked in zip(found, ctx.needs_input_grad, strict=True))

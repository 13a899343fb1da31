"""Gradients of the Triton scan: a walk forth that keeps its states, and one back."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor

from bench.ops.selective_scan.inputs import ScanInputs
from bench.ops.selective_scan.triton_adjoint import backward_kernel, carry_kernel
from bench.ops.selective_scan.triton_launch import Launch, cut_steps, summarise
from bench.ops.selective_scan.triton_layout import tokens_before_rows
from bench.ops.selective_scan.triton_plan import ScanPlan, backward_plan

_MOST_KEPT_BYTES = 1 << 30


class Gradients(NamedTuple):
    """Gradients of the tensors of `ScanInputs`, in its order and each in the dtype of its tensor."""

    u_bdl: Tensor
    delta_bdl: Tensor
    decay_dn: Tensor
    input_bgnl: Tensor
    output_bgnl: Tensor
    skip_d: Tensor | None
    bias_d: Tensor | None


def scan_gradients(
    inputs: ScanInputs, dy_bdl: Tensor, plan: ScanPlan | None = None, most_bytes: int = _MOST_KEPT_BYTES
) -> Gradients:
    """Return the gradients of `inputs`, given that of y.

    States of as many images as fit `most_bytes` are kept at a time, but of one image at least. `plan` is
    for tests of each; else it is chosen by size.
    """
    u_bdl, delta_bdl, dy_bdl = (
        tokens_before_rows(x_bdl, x_bdl.dtype) for x_bdl in (inputs.u_bdl, inputs.delta_bdl, dy_bdl)
    )
    inputs = inputs._replace(u_bdl=u_bdl, delta_bdl=delta_bdl)
    image_bytes = u_bdl[0].numel() * inputs.decay_dn.shape[1] * inputs.state_dtype.itemsize
    images = max(1, most_bytes // image_bytes)
    parts = []
    for first in range(0, len(u_bdl), images):
        some = slice(first, first + images)
        part = inputs._replace(
            u_bdl=u_bdl[some],
            delta_bdl=delta_bdl[some],
            input_bgnl=inputs.input_bgnl[some],
            output_bgnl=inputs.output_bgnl[some],
        )
        parts.append(_gradients_of(part, dy_bdl[some], plan or backward_plan(part)))
    return _joined(parts, inputs)


def _joined(parts: list[Gradients], inputs: ScanInputs) -> Gradients:
    """Return the gradients of all images: those of an image side by side, those of weights added."""
    u_bdl, delta_bdl, decay_dn, input_bgnl, output_bgnl, skip_d, bias_d = (
        list(field) for field in zip(*parts, strict=True)
    )
    per_image = [
        field[0] if len(parts) == 1 else torch.cat(field)
        for field in (u_bdl, delta_bdl, input_bgnl, output_bgnl)
    ]
    per_weight = [torch.stack(field).sum(0) for field in (decay_dn, skip_d, bias_d)]
    return Gradients(
        u_bdl=per_image[0],
        delta_bdl=per_image[1],
        decay_dn=per_weight[0].to(inputs.decay_dn.dtype),
        input_bgnl=per_image[2].to(inputs.input_bgnl.dtype),
        output_bgnl=per_image[3].to(inputs.output_bgnl.dtype),
        skip_d=None if inputs.skip_d is None else per_weight[1].to(inputs.skip_d.dtype),
        bias_d=None if inputs.bias_d is None else per_weight[2].to(inputs.bias_d.dtype),
    )


def _gradients_of(inputs: ScanInputs, dy_bdl: Tensor, plan: ScanPlan) -> Gradients:
    """Return the gradients, sums among them in the dtype of the state and present for absent vectors too."""
    (batch, channels, tokens), (groups, states) = inputs.u_bdl.shape, inputs.input_bgnl.shape[1:3]
    u_bgcl, delta_bgcl, dy_bgcl = (
        x_bdl.unflatten(1, (groups, -1)) for x_bdl in (inputs.u_bdl, inputs.delta_bdl, dy_bdl)
    )
    launch = Launch(u_bgcl, delta_bgcl, *inputs[2:], dy_bgcl, inputs.state_dtype)
    segments, each = cut_steps(launch, plan)
    blocks, kind = triton.cdiv(channels // groups, plan.rows), inputs.state_dtype

    def empty(*shape: int, dtype: torch.dtype = kind) -> Tensor:
        return inputs.u_bdl.new_empty(shape, dtype=dtype)

    du_bld = empty(batch, tokens, channels, dtype=inputs.u_bdl.dtype)
    d_delta_bld = empty(batch, tokens, channels, dtype=inputs.delta_bdl.dtype)
    d_input_bgkln, d_output_bgkln = (empty(batch, groups, blocks, tokens, states) for _ in range(2))
    d_decay_bsnd = empty(batch, segments, states, channels)
    d_skip_bsd, d_bias_bsd = (empty(batch, segments, channels) for _ in range(2))
    found = (du_bld, d_delta_bld, d_input_bgkln, d_output_bgkln, d_decay_bsnd, d_skip_bsd, d_bias_bsd)
    _walk_back(launch, plan, (segments, each), found)
    return Gradients(
        du_bld.transpose(1, 2),
        d_delta_bld.transpose(1, 2),
        d_decay_bsnd.sum((0, 1)).t(),
        d_input_bgkln.sum(2).transpose(2, 3),
        d_output_bgkln.sum(2).transpose(2, 3),
        d_skip_bsd.sum((0, 1)),
        d_bias_bsd.sum((0, 1)),
    )


def _walk_back(launch: Launch, plan: ScanPlan, cut: tuple[int, int], found: tuple[Tensor, ...]) -> None:
    """Fill `found`; `launch.y_bgcl` is the gradient of y."""
    (batch, groups, width, tokens), (segments, each) = launch.u_bgcl.shape, cut
    u_bgcl, delta_bgcl, dy_bgcl = launch.u_bgcl, launch.delta_bgcl, launch.y_bgcl
    decay_dn, states = launch.decay_dn.contiguous(), launch.decay_dn.shape[1]
    # a switch tells the kernel not to touch what stands in for an absent operand
    skip, bias = (
        u_bgcl if vector is None else vector.contiguous() for vector in (launch.skip_d, launch.bias_d)
    )
    kept_blnd = u_bgcl.new_empty((batch, tokens, states, groups * width), dtype=launch.state_dtype)
    borders = (kept_blnd, kept_blnd, kept_blnd)
    sizes, programs = (tokens, width, groups, each), batch * groups * triton.cdiv(width, plan.rows)
    switches = _switches(launch, plan)
    if segments > 1:
        ends_bsnd, spans_bsd = summarise(launch, plan)
        carries_bsnd = ends_bsnd.new_empty(ends_bsnd.shape)
        borders = (ends_bsnd, spans_bsd, carries_bsnd)
        carry_kernel[programs, segments - 1](
            *(delta_bgcl, dy_bgcl, decay_dn, launch.output_bgnl, bias, carries_bsnd),
            *(tensor.stride() for tensor in (delta_bgcl, dy_bgcl, launch.output_bgnl)),
            *sizes,
            **switches,
        )
    read = (u_bgcl, delta_bgcl, dy_bgcl, launch.input_bgnl, launch.output_bgnl)
    backward_kernel[programs, segments](
        *(*read[:3], decay_dn, *read[3:], skip, bias, *borders, kept_blnd, *found),
        *(tensor.stride() for tensor in read),
        *sizes,
        **switches,
        PADDED=triton.next_power_of_2(states),
        SKIP=launch.skip_d is not None,
        CUT=segments > 1,
    )


def _switches(launch: Launch, plan: ScanPlan) -> dict[str, Any]:
    return {
        "STATES": launch.decay_dn.shape[1],
        "ROWS": plan.rows,
        "TILE": plan.tile,
        "BIAS": launch.bias_d is not None,
        "SOFTPLUS": launch.softplus,
        "REAL": tl.float64 if launch.state_dtype == torch.float64 else tl.float32,
        "num_warps": plan.warps,
    }

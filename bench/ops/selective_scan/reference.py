"""The scan the slow and obvious way: one token after the other, plain autograd."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from bench.ops.selective_scan.inputs import ScanInputs


def reference_scan(inputs: ScanInputs) -> Tensor:
    """Return y (b, d, l) of `inputs`; every other backend must equal this, forward and backward."""
    dtype, repeats = inputs.state_dtype, inputs.u_bdl.shape[1] // inputs.input_bgnl.shape[1]
    u_bdl, decay_dn = inputs.u_bdl.to(dtype), inputs.decay_dn.to(dtype)
    input_bdnl = inputs.input_bgnl.to(dtype).repeat_interleave(repeats, dim=1)
    output_bdnl = inputs.output_bgnl.to(dtype).repeat_interleave(repeats, dim=1)
    dt_bdl = step_sizes(inputs.delta_bdl.to(dtype), inputs.bias_d, inputs.softplus)
    state_bdn = torch.zeros_like(input_bdnl[..., 0])
    y_of_tokens = []
    for token in range(u_bdl.shape[-1]):
        dt_bd1, u_bd1 = dt_bdl[..., token, None], u_bdl[..., token, None]
        state_bdn = torch.exp(dt_bd1 * decay_dn) * state_bdn + dt_bd1 * u_bd1 * input_bdnl[..., token]
        y_of_tokens.append((state_bdn * output_bdnl[..., token]).sum(-1))
    y_bdl = torch.stack(y_of_tokens, dim=-1)
    if inputs.skip_d is not None:
        y_bdl = y_bdl + inputs.skip_d.to(dtype)[:, None] * u_bdl
    return y_bdl.to(inputs.u_bdl.dtype)


def step_sizes(delta_bdl: Tensor, bias_d: Tensor | None, softplus: bool) -> Tensor:
    """Return the step sizes (b, d, l) of projected ones: add the bias, then softplus where asked."""
    if bias_d is not None:
        delta_bdl = delta_bdl + bias_d.to(delta_bdl.dtype)[:, None]
    return functional.softplus(delta_bdl) if softplus else delta_bdl

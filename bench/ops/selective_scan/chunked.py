"""The scan in plain torch, fast enough to run whole networks on a CPU.

Tokens are taken in chunks whose states fit a budget. The state crosses from chunk to chunk, so memory
does not grow with the length; with gradients, the states of a chunk are computed again in the backward
pass and only those at chunk borders are kept.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from bench.ops.selective_scan.inputs import ScanInputs
from bench.ops.selective_scan.recurrence import linear_recurrence

# States held at once. On a CPU a few arrays of them should stay in the cache; a GPU wants large launches.
_CHUNK_STATES = {"cpu": 1 << 17, "cuda": 1 << 25}
_FEWEST_TOKENS = 16
# On CPUs torch takes powers of two several times faster than powers of e.
_LOG2_E = math.log2(math.e)


def chunked_scan(inputs: ScanInputs) -> Tensor:
    """Return y (b, d, l) of `inputs`, equal to the reference but for rounding."""
    batch, channels, tokens = inputs.u_bdl.shape
    groups, states = inputs.input_bgnl.shape[1:3]
    state = inputs.u_bdl.new_zeros((batch, groups, states, channels // groups), dtype=inputs.state_dtype)
    budget = _CHUNK_STATES.get(inputs.u_bdl.device.type, 1 << 25)
    each = min(tokens, max(_FEWEST_TOKENS, budget // state.numel()))
    tensors = [field for field in inputs if isinstance(field, Tensor)]
    recorded = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    parts = []
    for first in range(0, tokens, each):
        chunk = slice(first, first + each)
        if recorded:
            y_bdl, state = checkpoint(_scan_chunk, inputs, chunk, state, use_reentrant=False)
        else:
            y_bdl, state = _scan_chunk(inputs, chunk, state)
        parts.append(y_bdl)
    return torch.cat(parts, dim=-1)


def _scan_chunk(inputs: ScanInputs, chunk: slice, state_bgnc: Tensor) -> tuple[Tensor, Tensor]:
    """Return y (b, d, tokens of the chunk) and the state after it; c channels of a group lie innermost."""
    dtype, (groups, states) = inputs.state_dtype, inputs.input_bgnl.shape[1:3]
    u_lbgc = _tokens_first(inputs.u_bdl[..., chunk], groups, dtype)
    dt_lbgc = _tokens_first(inputs.delta_bdl[..., chunk], groups, dtype)
    if inputs.bias_d is not None:
        dt_lbgc = dt_lbgc + inputs.bias_d.to(dtype).unflatten(0, (groups, -1))
    if inputs.softplus:
        dt_lbgc = functional.softplus(dt_lbgc)
    decay_gnc = (inputs.decay_dn.to(dtype) * _LOG2_E).reshape(groups, -1, states).transpose(1, 2)
    input_lbgn = inputs.input_bgnl[..., chunk].permute(3, 0, 1, 2).to(dtype)
    output_lbgn = inputs.output_bgnl[..., chunk].permute(3, 0, 1, 2).to(dtype)
    states_lbgnc = linear_recurrence(
        torch.exp2(dt_lbgc[..., None, :] * decay_gnc),
        (dt_lbgc * u_lbgc)[..., None, :] * input_lbgn[..., None],
        state_bgnc,
    )
    y_lbgc = (states_lbgnc * output_lbgn[..., None]).sum(-2)
    if inputs.skip_d is not None:
        y_lbgc = y_lbgc + inputs.skip_d.to(dtype).unflatten(0, (groups, -1)) * u_lbgc
    y_bdl = y_lbgc.permute(1, 2, 3, 0).flatten(1, 2).to(inputs.u_bdl.dtype)
    return y_bdl, states_lbgnc[-1].clone()


def _tokens_first(x_bdl: Tensor, groups: int, dtype: torch.dtype) -> Tensor:
    batch, _, tokens = x_bdl.shape
    return x_bdl.permute(2, 0, 1).to(dtype).reshape(tokens, batch, groups, -1).contiguous()

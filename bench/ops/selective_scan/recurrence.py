"""The linear recurrence `h_t = a_t h_{t-1} + x_t` over the first axis, in few large steps.

Long sequences are cut into segments that advance together. Each segment starts from zero and keeps
the product of its decays; one short walk over the segments then carries the states across. Decays lie
in [0, 1], so their products can underflow to 0 but never overflow, and nothing is divided by them.
"""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Elements that one step should touch, so that the call costs less than the arithmetic.
_BUSY_ELEMENTS = {"cpu": 1 << 12, "cuda": 1 << 17}


def linear_recurrence(decay_lx: Tensor, x_lx: Tensor, start_x: Tensor) -> Tensor:
    """Return all states (l, ...) of the recurrence from `start_x` (...), differentiable once.

    Args:
        decay_lx: factors (l, ...), contiguous, of magnitude at most 1 for a stable result.
        x_lx: added terms (l, ...); overwritten where no gradient is recorded.
        start_x: state before the first step (...).

    """
    recorded = any(tensor.requires_grad for tensor in (decay_lx, x_lx, start_x))
    if not (recorded and torch.is_grad_enabled()):
        return _advance(decay_lx, x_lx, start_x)
    return cast(Tensor, _LinearRecurrence.apply(decay_lx, x_lx, start_x))


class _LinearRecurrence(torch.autograd.Function):
    """Backward is the same recurrence from the last step to the first."""

    @staticmethod
    def forward(ctx: Any, decay_lx: Tensor, x_lx: Tensor, start_x: Tensor) -> Tensor:
        """Keep decays, states and the start for the backward pass."""
        states_lx = _advance(decay_lx, x_lx.clone(), start_x)
        ctx.save_for_backward(decay_lx, states_lx, start_x)
        return states_lx

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_lx: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients of decays, terms and start."""
        decay_lx, states_lx, start_x = ctx.saved_tensors
        later_lx = torch.cat((torch.zeros_like(decay_lx[:1]), decay_lx[1:].flip(0)))
        term_lx = _advance(later_lx, grad_lx.flip(0), torch.zeros_like(start_x)).flip(0)
        before_lx = torch.cat((start_x[None], states_lx[:-1]))
        return term_lx * before_lx, term_lx, decay_lx[0] * term_lx[0]


def _advance(decay_lx: Tensor, x_lx: Tensor, start_x: Tensor) -> Tensor:
    """Turn `x_lx`, which the caller gives up, into the states."""
    steps, segments = x_lx.shape[0], _segment_count(x_lx)
    each = steps // segments
    whole = each * segments
    if segments > 1:
        _advance_segments(
            decay_lx[:whole].unflatten(0, (segments, each)),
            x_lx[:whole].unflatten(0, (segments, each)),
            start_x,
        )
        start_x, decay_lx, rest_lx = x_lx[whole - 1], decay_lx[whole:], x_lx[whole:]
    else:
        rest_lx = x_lx
    for decay_x, state_x in zip(decay_lx, rest_lx, strict=True):
        start_x = state_x.addcmul_(decay_x, start_x)
    return x_lx


def _advance_segments(decay_sex: Tensor, x_sex: Tensor, start_x: Tensor) -> None:
    products_sex = decay_sex.clone()
    for step in range(1, x_sex.shape[1]):
        x_sex[:, step].addcmul_(decay_sex[:, step], x_sex[:, step - 1])
        products_sex[:, step].mul_(products_sex[:, step - 1])
    carries_sx = torch.empty_like(x_sex[:, 0])
    for carry_x, product_x, last_x in zip(carries_sx, products_sex[:, -1], x_sex[:, -1], strict=True):
        carry_x.copy_(start_x)
        start_x = torch.addcmul(last_x, product_x, start_x)
    x_sex.addcmul_(products_sex, carries_sx[:, None])


def _segment_count(x_lx: Tensor) -> int:
    steps = x_lx.shape[0]
    wanted = _BUSY_ELEMENTS.get(x_lx.device.type, 1 << 17) // max(1, x_lx[0].numel())
    return max(1, min(wanted, math.isqrt(steps)))

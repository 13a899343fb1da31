# ruff: noqa: N803, PLR0913, PLR0917 -- a kernel takes one argument per tensor, stride and switch
# mypy: disable-error-code="untyped-decorator"
"""What both kernels of the selective scan share: phases, softplus, places, the state at a border."""

from __future__ import annotations

import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]

WHOLE, SUMMARY, RESUME = 0, 1, 2
"""Phases of a kernel: all tokens; what a segment adds to the state; a segment from its true start."""

LOG2_E = tl.constexpr(1.4426950408889634)


@triton.jit
def softplus(x: tl.tensor) -> tl.tensor:
    """Return log(1 + e^x) to within two roundings, also for the small steps where 1 + e^x is near 1.

    With p = e^-|x| it is max(x, 0) + log(1 + p), and log(1 + p) / p is a polynomial on [0, 1] (degree
    9, error below 1e-8, interpolated at Chebyshev points). Above 20 the sum is x in float32, as in torch.
    """
    if x.dtype == tl.float64:
        return tl.where(x > 20.0, x, tl.log(1.0 + tl.exp(tl.minimum(x, 20.0))))
    power = tl.exp2(tl.abs(x) * -LOG2_E)
    ratio = power * -0.0031760570127516985 + 0.019542528316378593
    ratio = ratio * power - 0.05637361481785774
    ratio = ratio * power + 0.10543623566627502
    ratio = ratio * power - 0.1526966691017151
    ratio = ratio * power + 0.1966327428817749
    ratio = ratio * power - 0.24951615929603577
    ratio = ratio * power + 0.33329710364341736
    ratio = ratio * power - 0.49999892711639404
    ratio = ratio * power + 1.0
    return ratio * power + tl.maximum(x, 0.0)


@triton.jit
def place_at(
    table: tl.tensor,
    route: tl.tensor,
    step: tl.tensor,
    steps: tl.tensor,
    end: tl.tensor,
    TABLE: tl.constexpr,
) -> tl.tensor:
    """Return the token of `step`, -1 for none and from `end` on; without TABLE the step itself, always."""
    if TABLE:
        return tl.load(table + route * steps + step, step < end, other=-1)
    return step


@triton.jit
def start_of_segment(
    start: tl.tensor,
    rate: tl.tensor,
    ends: tl.tensor,
    spans: tl.tensor,
    state_offset: tl.tensor,
    channel: tl.tensor,
    state_mask: tl.tensor,
    channel_mask: tl.tensor,
    segment: tl.tensor,
    states: tl.tensor,
    channels: tl.tensor,
    AXIS: tl.constexpr,
) -> tl.tensor:
    """Return the state before `segment`: what each earlier one adds, decayed by those between."""
    for earlier in range(segment):
        span = tl.load(spans + earlier * channels + channel, channel_mask, other=0.0)
        added = tl.load(ends + earlier * (states * channels) + state_offset, state_mask, other=0.0)
        start = tl.exp2(rate * tl.expand_dims(span, AXIS)) * start + added
    return start


@triton.jit
def step_size(
    delta: tl.tensor, shift: tl.tensor, mask: tl.tensor, SOFTPLUS: tl.constexpr, REAL: tl.constexpr
) -> tl.tensor:
    """Return the step sizes in REAL: projected ones plus bias, softplus where asked, 0 off the mask."""
    dt = delta.to(REAL) + shift
    if SOFTPLUS:
        dt = softplus(dt)
    return tl.where(mask, dt, 0.0)

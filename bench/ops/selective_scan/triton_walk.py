# ruff: noqa: N803, PLR0913, PLR0915, PLR0917 -- a kernel takes one argument per tensor, stride and switch
# mypy: disable-error-code="untyped-decorator"
"""Scan kernel that walks the tokens with the states of a block of channels in registers.

Arguments are those of the tile kernel.
"""

from __future__ import annotations

import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]

from bench.ops.selective_scan.triton_parts import (
    LOG2_E,
    RESUME,
    SUMMARY,
    start_of_segment,
    step_size,
    token_at,
)

_SUMMARY, _RESUME = tl.constexpr(SUMMARY), tl.constexpr(RESUME)


@triton.jit
def four_places(step: tl.tensor, route: tl.tensor, shape: tl.tensor, MAP: tl.constexpr) -> tl.tensor:
    """Return the tokens that come at `step` and the three steps after it."""
    first = token_at(step, route, shape[0], shape[1], shape[2], MAP)
    second = token_at(step + 1, route, shape[0], shape[1], shape[2], MAP)
    third = token_at(step + 2, route, shape[0], shape[1], shape[2], MAP)
    fourth = token_at(step + 3, route, shape[0], shape[1], shape[2], MAP)
    return first, second, third, fourth


@triton.jit
def load_four(
    pointer: tl.tensor, stride: tl.tensor, places: tl.tensor, mask: tl.tensor, step: tl.tensor, end: tl.tensor
) -> tl.tensor:
    """Load at the four places, which come from `step` on, 0 from step `end` on."""
    first = tl.load(pointer + places[0] * stride, mask & (step < end), other=0.0)
    second = tl.load(pointer + places[1] * stride, mask & (step + 1 < end), other=0.0)
    third = tl.load(pointer + places[2] * stride, mask & (step + 2 < end), other=0.0)
    fourth = tl.load(pointer + places[3] * stride, mask & (step + 3 < end), other=0.0)
    return first, second, third, fourth


@triton.jit
def walk_step(state: tl.tensor, rate: tl.tensor, dt: tl.tensor, x: tl.tensor, weight: tl.tensor) -> tl.tensor:
    """Return the states (n, d) after one token of input `x` (d,) and input weights (n,)."""
    given = (dt * x)[None, :] * weight.to(state.dtype)[:, None]
    return tl.exp2(dt[None, :] * rate) * state + given


@triton.jit
def read_out(state: tl.tensor, weight: tl.tensor) -> tl.tensor:
    """Return what the states (n, d) give through output weights (n,)."""
    return tl.sum(state * weight.to(state.dtype)[:, None], 0)


@triton.jit(do_not_specialize=["unit"])
def walk_kernel(
    u: tl.tensor,
    delta: tl.tensor,
    decay: tl.tensor,
    inp: tl.tensor,
    out: tl.tensor,
    skip: tl.tensor,
    bias: tl.tensor,
    y: tl.tensor,
    ends: tl.tensor,
    spans: tl.tensor,
    u_strides: tl.tensor,
    delta_strides: tl.tensor,
    inp_strides: tl.tensor,
    out_strides: tl.tensor,
    y_strides: tl.tensor,
    shape: tl.tensor,
    width: tl.tensor,
    groups: tl.tensor,
    segment_tokens: tl.tensor,
    unit: tl.tensor,
    STATES: tl.constexpr,
    PADDED: tl.constexpr,
    ROWS: tl.constexpr,
    SKIP: tl.constexpr,
    BIAS: tl.constexpr,
    SOFTPLUS: tl.constexpr,
    PHASE: tl.constexpr,
    REAL: tl.constexpr,
    MAP: tl.constexpr,
) -> None:
    """Walk the tokens with the states (n, d) of ROWS channels of one group in registers.

    Four tokens are loaded while the four before them are worked on, and stores come last, because
    no load can be moved above a store that might overlap it. `unit` is 1: were that known when the
    kernel is compiled, states would be spread over threads for wider accesses, and every token would
    pay for bringing them together.
    """
    blocks = tl.cdiv(width, ROWS)
    block, group = tl.program_id(0) % blocks, tl.program_id(0) // blocks % groups
    batch = (tl.program_id(0) // (blocks * groups)).to(tl.int64)
    segment, borders = tl.program_id(1), tl.num_programs(1)
    if PHASE == _RESUME:
        borders -= 1
    row = block * ROWS + tl.arange(0, ROWS)
    mask = row < width
    channel, channels = group * width + row, groups * width
    index = tl.arange(0, PADDED)
    index_mask = index < STATES
    state_mask = mask[None, :] & index_mask[:, None]
    rate = (
        tl.load(decay + channel[None, :] * STATES + index[:, None] * unit, state_mask, other=0.0).to(REAL)
        * LOG2_E
    )
    state = tl.zeros_like(rate)
    state_offset = index[:, None] * channels + channel[None, :] * unit
    ends += batch * borders * STATES * channels
    spans += batch * borders * channels
    if PHASE == _RESUME:
        state = start_of_segment(
            state, rate, ends, spans, state_offset, channel, state_mask, mask, segment, STATES, channels, 0
        )
    span = tl.zeros([ROWS], REAL)
    shift = tl.zeros([ROWS], REAL)
    pass_on = tl.zeros([ROWS], REAL)
    if BIAS:
        shift += tl.load(bias + channel, mask, other=0.0).to(REAL)
    if SKIP:
        pass_on += tl.load(skip + channel, mask, other=0.0).to(REAL)
    first = segment * segment_tokens
    end = tl.minimum(first + segment_tokens, shape[0])
    u_l, delta_l, y_l, inp_l, out_l = (
        u_strides[3],
        delta_strides[3],
        y_strides[3],
        inp_strides[3],
        out_strides[3],
    )
    u += batch * u_strides[0] + group * u_strides[1] + row * u_strides[2]
    delta += batch * delta_strides[0] + group * delta_strides[1] + row * delta_strides[2]
    y += batch * y_strides[0] + group * y_strides[1] + row * y_strides[2]
    inp += batch * inp_strides[0] + group * inp_strides[1] + index * inp_strides[2]
    out += batch * out_strides[0] + group * out_strides[1] + index * out_strides[2]
    place_0, place_1, place_2, place_3 = four_places(first, group, shape, MAP)
    opening = (place_0, place_1, place_2, place_3)
    u_0, u_1, u_2, u_3 = load_four(u, u_l, opening, mask, first, end)
    d_0, d_1, d_2, d_3 = load_four(delta, delta_l, opening, mask, first, end)
    for step in range(first, end, 4):
        places = (place_0, place_1, place_2, place_3)
        later = four_places(step + 4, group, shape, MAP)
        next_0, next_1, next_2, next_3 = load_four(u, u_l, later, mask, step + 4, end)
        soon_0, soon_1, soon_2, soon_3 = load_four(delta, delta_l, later, mask, step + 4, end)
        dt_0 = step_size(d_0, shift, mask, SOFTPLUS, REAL)
        dt_1 = step_size(d_1, shift, mask & (step + 1 < end), SOFTPLUS, REAL)
        dt_2 = step_size(d_2, shift, mask & (step + 2 < end), SOFTPLUS, REAL)
        dt_3 = step_size(d_3, shift, mask & (step + 3 < end), SOFTPLUS, REAL)
        in_0, in_1, in_2, in_3 = load_four(inp, inp_l, places, index_mask, step, end)
        x_0, x_1, x_2, x_3 = u_0.to(REAL), u_1.to(REAL), u_2.to(REAL), u_3.to(REAL)
        after_0 = walk_step(state, rate, dt_0, x_0, in_0)
        after_1 = walk_step(after_0, rate, dt_1, x_1, in_1)
        after_2 = walk_step(after_1, rate, dt_2, x_2, in_2)
        state = walk_step(after_2, rate, dt_3, x_3, in_3)
        if PHASE == _SUMMARY:
            span += dt_0 + dt_1 + dt_2 + dt_3
        else:
            out_0, out_1, out_2, out_3 = load_four(out, out_l, places, index_mask, step, end)
            y_0 = read_out(after_0, out_0) + pass_on * x_0
            y_1 = read_out(after_1, out_1) + pass_on * x_1
            y_2 = read_out(after_2, out_2) + pass_on * x_2
            y_3 = read_out(state, out_3) + pass_on * x_3
            tl.store(y + place_0 * y_l, y_0.to(y.dtype.element_ty), mask)
            tl.store(y + place_1 * y_l, y_1.to(y.dtype.element_ty), mask & (step + 1 < end))
            tl.store(y + place_2 * y_l, y_2.to(y.dtype.element_ty), mask & (step + 2 < end))
            tl.store(y + place_3 * y_l, y_3.to(y.dtype.element_ty), mask & (step + 3 < end))
        u_0, u_1, u_2, u_3 = next_0, next_1, next_2, next_3
        d_0, d_1, d_2, d_3 = soon_0, soon_1, soon_2, soon_3
        place_0, place_1, place_2, place_3 = later
    if PHASE == _SUMMARY:
        tl.store(ends + segment * (STATES * channels) + state_offset, state, state_mask)
        tl.store(spans + segment * channels + channel, span, mask)

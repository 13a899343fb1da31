# ruff: noqa: N803, PLR0912, PLR0913, PLR0915, PLR0917 -- a kernel takes one argument per tensor, stride and switch
# mypy: disable-error-code="untyped-decorator"
"""Scan kernel that holds a tile of channels and tokens and scans it along the tokens.

Strides come as tuples in the order of the axes: u, delta, y (b, g, c, l), with c channels in a group;
inp, out (b, g, n, l). The arrays ends (b, border, n, d) and spans (b, border, d) are contiguous, with a
border after every segment but the last. With READ the token of every step stands in `reads` (g, steps),
with WRITE that of its output in `writes`, -1 for none; a step that reads none has u, inp, out and the
projected step size 0, so that the state still decays by its bias.
"""

from __future__ import annotations

import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]

from bench.ops.selective_scan.triton_parts import (
    LOG2_E,
    RESUME,
    SUMMARY,
    place_at,
    start_of_segment,
    step_size,
)

_SUMMARY, _RESUME = tl.constexpr(SUMMARY), tl.constexpr(RESUME)


@triton.jit
def compose(
    decay_first: tl.tensor, x_first: tl.tensor, decay_second: tl.tensor, x_second: tl.tensor
) -> tl.tensor:
    """Return one step that does what two steps h -> decay h + x do, one after the other."""
    return decay_first * decay_second, decay_second * x_first + x_second


@triton.jit
def tile_kernel(
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
    reads: tl.tensor,
    writes: tl.tensor,
    project: tl.tensor,
    u_strides: tl.tensor,
    delta_strides: tl.tensor,
    inp_strides: tl.tensor,
    out_strides: tl.tensor,
    y_strides: tl.tensor,
    steps: tl.tensor,
    width: tl.tensor,
    groups: tl.tensor,
    segment_steps: tl.tensor,
    STATES: tl.constexpr,
    PADDED: tl.constexpr,
    ROWS: tl.constexpr,
    TILE: tl.constexpr,
    AXIS: tl.constexpr,
    HINT: tl.constexpr,
    STAGES: tl.constexpr,
    SKIP: tl.constexpr,
    BIAS: tl.constexpr,
    SOFTPLUS: tl.constexpr,
    PHASE: tl.constexpr,
    REAL: tl.constexpr,
    READ: tl.constexpr,
    WRITE: tl.constexpr,
    RANK: tl.constexpr,
    RANK_PADDED: tl.constexpr,
) -> None:
    """Scan ROWS channels of one group, TILE tokens at a time; AXIS is the tile's axis of tokens.

    HINT divides the tokens and, where they are contiguous, the strides of the channels; without it
    rows of a length that 16 does not divide would be read one element at a time. With a RANK, `delta`
    holds that many features per token, (b, g, r, l), and `project` (d, r) makes step sizes of them.
    """
    blocks = tl.cdiv(width, ROWS)
    block, group = tl.program_id(0) % blocks, tl.program_id(0) // blocks % groups
    # wide, since an operand may hold more elements than int32 counts; with its groups outermost, too
    batch, far = (tl.program_id(0) // (blocks * groups)).to(tl.int64), group.to(tl.int64)
    segment, borders = tl.program_id(1), tl.num_programs(1)
    if PHASE == _RESUME:
        borders -= 1
    steps = steps // HINT * HINT
    u_c, delta_c, y_c = u_strides[2], delta_strides[2], y_strides[2]
    u_g, delta_g, y_g = u_strides[1], delta_strides[1], y_strides[1]
    if AXIS == 1:
        u_c, delta_c, y_c = u_c // HINT * HINT, delta_c // HINT * HINT, y_c // HINT * HINT
        u_g, delta_g, y_g = u_g // HINT * HINT, delta_g // HINT * HINT, y_g // HINT * HINT
    row = block * ROWS + tl.arange(0, ROWS)
    row_mask = row < width
    channel = group * width + row
    channels = groups * width
    # The axis that the other operand of a product spans: channels get AXIS, tokens the other one.
    channel_2d, row_mask_2d = tl.expand_dims(channel, AXIS), tl.expand_dims(row_mask, AXIS)
    index = tl.expand_dims(tl.arange(0, PADDED), 1 - AXIS)
    state_mask = row_mask_2d & (index < STATES)
    rates = tl.load(decay + channel_2d * STATES + index, state_mask, other=0.0).to(REAL) * LOG2_E
    state = tl.zeros_like(rates)
    state_offset = index * channels + channel_2d
    ends += batch * borders * STATES * channels
    spans += batch * borders * channels
    span = tl.zeros([ROWS], REAL)
    if PHASE == _RESUME:
        state = start_of_segment(
            state,
            rates,
            ends,
            spans,
            state_offset,
            channel,
            state_mask,
            row_mask,
            segment,
            STATES,
            channels,
            AXIS,
        )
    shift = tl.expand_dims(tl.zeros([ROWS], REAL), AXIS)
    if BIAS:
        shift = tl.expand_dims(tl.load(bias + channel, row_mask, other=0.0).to(REAL), AXIS)
    if SKIP:
        pass_on = tl.expand_dims(tl.load(skip + channel, row_mask, other=0.0).to(REAL), AXIS)
    row_2d = tl.expand_dims(row, AXIS)
    u += batch * u_strides[0] + far * u_g + row_2d * u_c
    y += batch * y_strides[0] + far * y_g + row_2d * y_c
    delta += batch * delta_strides[0] + far * delta_g
    if RANK > 0:
        feature = tl.arange(0, RANK_PADDED)
        project += channel_2d * RANK + feature[:, None]
        weights = tl.load(project, row_mask_2d & (feature < RANK)[:, None], other=0.0)
        delta += feature[None, :] * delta_c
    else:
        delta += row_2d * delta_c
    inp += batch * inp_strides[0] + far * inp_strides[1]
    out += batch * out_strides[0] + far * out_strides[1]
    order = tl.arange(0, TILE)
    is_last = tl.expand_dims(order == TILE - 1, 1 - AXIS)
    for offset in tl.range(0, segment_steps, TILE, num_stages=STAGES):
        step = segment * segment_steps + offset + order
        step_mask = step < steps
        token = place_at(reads, group, step, steps, steps, READ)
        token_mask = token >= 0 if READ else step_mask
        token_2d = tl.expand_dims(token, 1 - AXIS)
        mask = row_mask_2d & tl.expand_dims(token_mask, 1 - AXIS)
        u_tile = tl.load(u + token_2d * u_strides[3], mask, other=0.0).to(REAL)
        if RANK > 0:
            known = tl.expand_dims(token_mask, 1) & (feature < RANK)[None, :]
            features = tl.load(delta + token_2d * delta_strides[3], known, other=0.0)
            dt = tl.dot(features, weights, input_precision="ieee")
        else:
            dt = tl.load(delta + token_2d * delta_strides[3], mask, other=0.0)
        # Without a step the state passes through tokens beyond the end unchanged.
        dt = step_size(dt, shift, row_mask_2d & tl.expand_dims(step_mask, 1 - AXIS), SOFTPLUS, REAL)
        given = dt * u_tile
        y_tile = tl.zeros_like(dt)
        if SKIP:
            y_tile += pass_on * u_tile
        for n in tl.static_range(STATES):
            if PADDED == 1:
                rate, before = rates, state
            else:
                rate = tl.expand_dims(tl.sum(tl.where(index == n, rates, 0.0), AXIS), AXIS)
                before = tl.expand_dims(tl.sum(tl.where(index == n, state, 0.0), AXIS), AXIS)
            weight = tl.load(inp + n * inp_strides[2] + token * inp_strides[3], token_mask, other=0.0)
            x = given * tl.expand_dims(weight.to(REAL), 1 - AXIS)
            product, after = tl.associative_scan((tl.exp2(dt * rate), x), AXIS, compose)
            after += product * before
            last = tl.expand_dims(tl.sum(tl.where(is_last, after, 0.0), AXIS), AXIS)
            state = tl.where(index == n, last, state)
            if PHASE != _SUMMARY:
                weight = tl.load(out + n * out_strides[2] + token * out_strides[3], token_mask, other=0.0)
                y_tile += after * tl.expand_dims(weight.to(REAL), 1 - AXIS)
        if PHASE == _SUMMARY:
            span += tl.sum(dt, AXIS)
        else:
            if WRITE:
                token = place_at(writes, group, step, steps, steps, True)
                token_2d = tl.expand_dims(token, 1 - AXIS)
                mask = row_mask_2d & tl.expand_dims(token >= 0, 1 - AXIS)
            tl.store(y + token_2d * y_strides[3], y_tile.to(y.dtype.element_ty), mask)
    if PHASE == _SUMMARY:
        tl.store(ends + segment * (STATES * channels) + state_offset, state, state_mask)
        tl.store(spans + segment * channels + channel, span, row_mask)

# ruff: noqa: N803, N806, PLR0913, PLR0915, PLR0917 -- a kernel takes one argument per tensor, stride and switch
# mypy: disable-error-code="untyped-decorator, assignment"
"""Kernels of the scan's backward pass: the walk kernel's recurrence once more, then its adjoint from the end.

With g_t the gradient of the state h_t and a_t = exp(dt_t A): g_t = a_{t+1} g_{t+1} + C_t dy_t. What is passed
to the token before, a_t g_t, is called the carry. States, carries and rates are tuples of one vector per
state, as in the walk kernel. Strides come as tuples in the order of the axes: u, delta, dy (b, g, c, l); inp,
out (b, g, n, l). The other arrays are contiguous: ends, carries (b, border, n, d), spans (b, border, d) and
kept (b, l, n, d).
"""

from __future__ import annotations

import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]

from bench.ops.selective_scan.triton_parts import LOG2_E, step_size
from bench.ops.selective_scan.triton_walk import (
    add_segments,
    load_heads,
    load_rows,
    places_from,
    rates_of,
    zero_states,
)

LN_2 = tl.constexpr(0.6931471805599453)


@triton.jit
def where_am_i(width: tl.tensor, groups: tl.tensor, ROWS: tl.constexpr) -> tl.tensor:
    """Return image and group, both wide since an operand may outgrow int32, block, rows and their mask."""
    blocks = tl.cdiv(width, ROWS)
    block, group = tl.program_id(0) % blocks, tl.program_id(0) // blocks % groups
    batch = (tl.program_id(0) // (blocks * groups)).to(tl.int64)
    row = block * ROWS + tl.arange(0, ROWS)
    return batch, group.to(tl.int64), block, row, row < width


@triton.jit
def places_back(last: tl.tensor, first: tl.tensor, COUNT: tl.constexpr) -> tl.tensor:
    """Return COUNT tokens from `last` down, -1 for those before `first`."""
    places = ()
    for j in tl.static_range(COUNT):
        places = places + (tl.where(last - j >= first, last - j, -1),)  # noqa: RUF005 -- a tuple of Triton
    return places


@triton.jit
def weights_of(
    heads: tl.tensor,
    pointer: tl.tensor,
    state_step: tl.tensor,
    known: tl.tensor,
    j: tl.constexpr,
    STATES: tl.constexpr,
    SECTOR: tl.constexpr,
    REAL: tl.constexpr,
) -> tl.tensor:
    """Return the weights of the `j`th token fetched, of which `heads` holds every SECTOR-th already."""
    COUNT: tl.constexpr = (STATES + SECTOR - 1) // SECTOR
    weights = ()
    for n in tl.static_range(STATES):
        if n % SECTOR == 0:
            weight = heads[j * COUNT + n // SECTOR]
        else:
            weight = tl.load(pointer + n * state_step, known, other=0.0)
        weights = weights + (weight.to(REAL),)  # noqa: RUF005
    return weights


@triton.jit
def keep_states(
    pointer: tl.tensor, state: tl.tensor, step: tl.tensor, mask: tl.tensor, STATES: tl.constexpr
) -> None:
    """Store every state, `step` elements apart."""
    for n in tl.static_range(STATES):
        tl.store(pointer + n * step, state[n], mask)


@triton.jit
def load_states(
    kept: tl.tensor,
    places: tl.tensor,
    channels: tl.tensor,
    mask: tl.tensor,
    STATES: tl.constexpr,
    COUNT: tl.constexpr,
) -> tl.tensor:
    """Load the states before COUNT tokens, one token's after the other's."""
    states = ()
    for j in tl.static_range(COUNT):
        pointer = kept + places[j].to(tl.int64) * (STATES * channels)
        for n in tl.static_range(STATES):
            state = tl.load(pointer + n * channels, mask & (places[j] >= 0), other=0.0)
            states = states + (state,)  # noqa: RUF005
    return states


@triton.jit
def add_later(
    carry: tl.tensor,
    rate: tl.tensor,
    carries: tl.tensor,
    spans: tl.tensor,
    channel: tl.tensor,
    mask: tl.tensor,
    segment: tl.tensor,
    borders: tl.tensor,
    channels: tl.tensor,
    STATES: tl.constexpr,
) -> tl.tensor:
    """Return the carry into `segment`: what each later one passes on, decayed by those between.

    The last of `borders` + 1 segments has no span, and needs none, since nothing comes from behind it.
    """
    for back in range(borders - segment):
        later = borders - back
        span = tl.load(spans + later * channels + channel, mask & (later < borders), other=0.0)
        start = carries + (later - 1) * (STATES * channels) + channel
        found = ()
        for n in tl.static_range(STATES):
            added = tl.load(start + n * channels, mask, other=0.0)
            found = found + (tl.exp2(rate[n] * span) * carry[n] + added,)  # noqa: RUF005
        carry = found
    return carry


@triton.jit
def carry_kernel(
    delta: tl.tensor,
    dy: tl.tensor,
    decay: tl.tensor,
    out: tl.tensor,
    bias: tl.tensor,
    carries: tl.tensor,
    delta_strides: tl.tensor,
    dy_strides: tl.tensor,
    out_strides: tl.tensor,
    steps: tl.tensor,
    width: tl.tensor,
    groups: tl.tensor,
    segment_steps: tl.tensor,
    STATES: tl.constexpr,
    ROWS: tl.constexpr,
    TILE: tl.constexpr,
    BIAS: tl.constexpr,
    SOFTPLUS: tl.constexpr,
    REAL: tl.constexpr,
) -> None:
    """Store what every segment but the first passes to the one before it, if none comes from behind it."""
    batch, group, _, row, mask = where_am_i(width, groups, ROWS)
    channel, channels = group.to(tl.int32) * width + row, groups * width
    border, borders = tl.program_id(1), tl.num_programs(1)
    first = (border + 1) * segment_steps
    end = tl.minimum(first + segment_steps, steps)
    rate = rates_of(decay, channel, mask, STATES, REAL)
    carry = zero_states(rate, STATES)
    shift = tl.zeros([ROWS], REAL)
    if BIAS:
        shift += tl.load(bias + channel, mask, other=0.0).to(REAL)
    delta += batch * delta_strides[0] + group * delta_strides[1] + row * delta_strides[2]
    dy += batch * dy_strides[0] + group * dy_strides[1] + row * dy_strides[2]
    out += batch * out_strides[0] + group * out_strides[1]
    out_n, out_l = out_strides[2], out_strides[3]
    SECTOR: tl.constexpr = 32 // (out.dtype.element_ty.primitive_bitwidth // 8)
    soon = places_back(end - 1, first, TILE)
    d_soon, dy_soon = (
        load_rows(delta, delta_strides[3], soon, mask, TILE),
        load_rows(dy, dy_strides[3], soon, mask, TILE),
    )
    out_soon = load_heads(out, out_l, out_n, soon, STATES, SECTOR, TILE)
    for step in range(first, end, TILE):
        now, d_now, dy_now, out_now = soon, d_soon, dy_soon, out_soon
        soon = places_back(first + end - 1 - step - TILE, first, TILE)
        d_soon, dy_soon = (
            load_rows(delta, delta_strides[3], soon, mask, TILE),
            load_rows(dy, dy_strides[3], soon, mask, TILE),
        )
        out_soon = load_heads(out, out_l, out_n, soon, STATES, SECTOR, TILE)
        for j in tl.static_range(TILE):
            dt = step_size(d_now[j], shift, mask & (now[j] >= 0), SOFTPLUS, REAL)
            grad = dy_now[j].to(REAL)
            weight = weights_of(out_now, out + now[j] * out_l, out_n, now[j] >= 0, j, STATES, SECTOR, REAL)
            passed = ()
            for n in tl.static_range(STATES):
                passed = passed + (tl.exp2(dt * rate[n]) * (carry[n] + grad * weight[n]),)  # noqa: RUF005
            carry = passed
    carries += (batch * borders + border) * (STATES * channels) + channel
    keep_states(carries, carry, channels, mask, STATES)


@triton.jit
def backward_kernel(
    u: tl.tensor,
    delta: tl.tensor,
    dy: tl.tensor,
    decay: tl.tensor,
    inp: tl.tensor,
    out: tl.tensor,
    skip: tl.tensor,
    bias: tl.tensor,
    ends: tl.tensor,
    spans: tl.tensor,
    carries: tl.tensor,
    kept: tl.tensor,
    du: tl.tensor,
    d_delta: tl.tensor,
    d_inp: tl.tensor,
    d_out: tl.tensor,
    d_decay: tl.tensor,
    d_skip: tl.tensor,
    d_bias: tl.tensor,
    u_strides: tl.tensor,
    delta_strides: tl.tensor,
    dy_strides: tl.tensor,
    inp_strides: tl.tensor,
    out_strides: tl.tensor,
    steps: tl.tensor,
    width: tl.tensor,
    groups: tl.tensor,
    segment_steps: tl.tensor,
    STATES: tl.constexpr,
    PADDED: tl.constexpr,
    ROWS: tl.constexpr,
    TILE: tl.constexpr,
    SKIP: tl.constexpr,
    BIAS: tl.constexpr,
    SOFTPLUS: tl.constexpr,
    CUT: tl.constexpr,
    REAL: tl.constexpr,
) -> None:
    """Keep the state before every token of a segment, then walk back and store every gradient.

    Those of u and delta are stored in (b, l, d), partial sums of the others in d_inp, d_out (b, g, block, l,
    n), d_decay (b, segment, n, d), d_skip and d_bias (b, segment, d). With CUT a segment starts from what
    `ends`, `spans` and `carries` tell of the others. TILE tokens are fetched ahead, as in the walk kernel.
    """
    batch, group, block, row, mask = where_am_i(width, groups, ROWS)
    channel, channels = group.to(tl.int32) * width + row, groups * width
    segment, segments = tl.program_id(1), tl.num_programs(1)
    first = segment * segment_steps
    end = tl.minimum(first + segment_steps, steps)
    rate = rates_of(decay, channel, mask, STATES, REAL)
    state, carry = zero_states(rate, STATES), zero_states(rate, STATES)
    if CUT:
        borders = segments - 1
        ends += batch * borders * (STATES * channels)
        carries += batch * borders * (STATES * channels)
        spans += batch * borders * channels
        state = add_segments(state, rate, ends, spans, channel, mask, segment, channels, STATES)
        carry = add_later(carry, rate, carries, spans, channel, mask, segment, borders, channels, STATES)
    shift, pass_on = tl.zeros([ROWS], REAL), tl.zeros([ROWS], REAL)
    if BIAS:
        shift += tl.load(bias + channel, mask, other=0.0).to(REAL)
    if SKIP:
        pass_on += tl.load(skip + channel, mask, other=0.0).to(REAL)
    u += batch * u_strides[0] + group * u_strides[1] + row * u_strides[2]
    delta += batch * delta_strides[0] + group * delta_strides[1] + row * delta_strides[2]
    dy += batch * dy_strides[0] + group * dy_strides[1] + row * dy_strides[2]
    inp += batch * inp_strides[0] + group * inp_strides[1]
    out += batch * out_strides[0] + group * out_strides[1]
    u_l, delta_l, dy_l = u_strides[3], delta_strides[3], dy_strides[3]
    in_n, in_l, out_n, out_l = inp_strides[2], inp_strides[3], out_strides[2], out_strides[3]
    SECTOR: tl.constexpr = 32 // (inp.dtype.element_ty.primitive_bitwidth // 8)
    kept += batch * steps * (STATES * channels) + channel
    du += batch * steps * channels + channel
    d_delta += batch * steps * channels + channel

    keep_states(kept + first.to(tl.int64) * (STATES * channels), state, channels, mask, STATES)
    soon = places_from(u, group, first, steps, end, False, TILE)
    u_soon, d_soon = load_rows(u, u_l, soon, mask, TILE), load_rows(delta, delta_l, soon, mask, TILE)
    in_soon = load_heads(inp, in_l, in_n, soon, STATES, SECTOR, TILE)
    for step in range(first, end, TILE):
        now, u_now, d_now, in_now = soon, u_soon, d_soon, in_soon
        soon = places_from(u, group, step + TILE, steps, end, False, TILE)
        u_soon, d_soon = load_rows(u, u_l, soon, mask, TILE), load_rows(delta, delta_l, soon, mask, TILE)
        in_soon = load_heads(inp, in_l, in_n, soon, STATES, SECTOR, TILE)
        for j in tl.static_range(TILE):
            dt = step_size(d_now[j], shift, mask & (now[j] >= 0), SOFTPLUS, REAL)
            given, after = dt * u_now[j].to(REAL), ()
            weight = weights_of(in_now, inp + now[j] * in_l, in_n, now[j] >= 0, j, STATES, SECTOR, REAL)
            for n in tl.static_range(STATES):
                after = after + (tl.exp2(dt * rate[n]) * state[n] + given * weight[n],)  # noqa: RUF005
            state = after
            following = now[j].to(tl.int64) + 1
            goes_on = mask & (now[j] >= 0) & (following < end)
            keep_states(kept + following * (STATES * channels), state, channels, goes_on, STATES)
    # another thread may load a state than the one that stored it
    tl.debug_barrier()

    blocks, index = tl.cdiv(width, ROWS), tl.arange(0, PADDED)
    part = ((batch * groups + group) * blocks + block) * steps * STATES + index
    d_inp += part
    d_out += part
    decay_sum = zero_states(rate, STATES)
    skip_sum, bias_sum = tl.zeros([ROWS], REAL), tl.zeros([ROWS], REAL)
    soon = places_back(end - 1, first, TILE)
    u_soon, d_soon = load_rows(u, u_l, soon, mask, TILE), load_rows(delta, delta_l, soon, mask, TILE)
    dy_soon = load_rows(dy, dy_l, soon, mask, TILE)
    in_soon = load_heads(inp, in_l, in_n, soon, STATES, SECTOR, TILE)
    out_soon = load_heads(out, out_l, out_n, soon, STATES, SECTOR, TILE)
    kept_soon = load_states(kept, soon, channels, mask, STATES, TILE)
    for step in range(first, end, TILE):
        now, u_now, d_now, dy_now = soon, u_soon, d_soon, dy_soon
        in_now, out_now, kept_now = in_soon, out_soon, kept_soon
        soon = places_back(first + end - 1 - step - TILE, first, TILE)
        u_soon, d_soon = load_rows(u, u_l, soon, mask, TILE), load_rows(delta, delta_l, soon, mask, TILE)
        dy_soon = load_rows(dy, dy_l, soon, mask, TILE)
        in_soon = load_heads(inp, in_l, in_n, soon, STATES, SECTOR, TILE)
        out_soon = load_heads(out, out_l, out_n, soon, STATES, SECTOR, TILE)
        kept_soon = load_states(kept, soon, channels, mask, STATES, TILE)
        for j in tl.static_range(TILE):
            known = mask & (now[j] >= 0)
            dt = step_size(d_now[j], shift, known, SOFTPLUS, REAL)
            x, grad = u_now[j].to(REAL), dy_now[j].to(REAL)
            in_w = weights_of(in_now, inp + now[j] * in_l, in_n, now[j] >= 0, j, STATES, SECTOR, REAL)
            out_w = weights_of(out_now, out + now[j] * out_l, out_n, now[j] >= 0, j, STATES, SECTOR, REAL)
            given, through_input, through_decay = dt * x, tl.zeros([ROWS], REAL), tl.zeros([ROWS], REAL)
            in_row, out_row = tl.zeros([PADDED], REAL), tl.zeros([PADDED], REAL)
            passed, sums = (), ()
            for n in tl.static_range(STATES):
                factor = tl.exp2(dt * rate[n])
                decayed = factor * kept_now[j * STATES + n]
                g = carry[n] + grad * out_w[n]
                in_row = tl.where(index == n, tl.sum(g * given, 0), in_row)
                out_row = tl.where(index == n, tl.sum(grad * (decayed + given * in_w[n]), 0), out_row)
                through_input += g * in_w[n]
                g_decayed = g * decayed
                through_decay += rate[n] * g_decayed
                sums = sums + (decay_sum[n] + dt * g_decayed,)  # noqa: RUF005
                passed = passed + (factor * g,)  # noqa: RUF005
            carry, decay_sum = passed, sums
            d_step = LN_2 * through_decay + x * through_input
            if SOFTPLUS:
                raw = d_now[j].to(REAL) + shift
                slope = 1.0 / (1.0 + tl.exp2(tl.minimum(raw * -LOG2_E, 126.0)))
                d_step *= tl.where(raw > 20.0, 1.0, slope)
            skip_sum += grad * x
            bias_sum += d_step
            place = now[j].to(tl.int64)
            u_row = pass_on * grad + dt * through_input
            tl.store(du + place * channels, u_row.to(du.dtype.element_ty), known)
            tl.store(d_delta + place * channels, d_step.to(d_delta.dtype.element_ty), known)
            shown = (index < STATES) & (place >= 0)
            tl.store(d_inp + place * STATES, in_row, shown)
            tl.store(d_out + place * STATES, out_row, shown)
    line = batch * segments + segment
    keep_states(d_decay + line * (STATES * channels) + channel, decay_sum, channels, mask, STATES)
    tl.store(d_skip + line * channels + channel, skip_sum, mask)
    tl.store(d_bias + line * channels + channel, bias_sum, mask)

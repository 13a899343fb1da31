# ruff: noqa: N803, N806, PLR0912, PLR0913, PLR0915, PLR0917 -- a kernel takes one argument per tensor, stride and switch
# mypy: disable-error-code="untyped-decorator, assignment"
"""Scan kernel that walks the tokens with the states of a block of channels in registers.

Arguments are those of the tile kernel. States and rates are tuples of one vector per state, so that all
states of a channel stay in one thread whatever layout the compiler would like for a matrix of them.
"""

from __future__ import annotations

import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]

from bench.ops.selective_scan.triton_parts import LOG2_E, RESUME, SUMMARY, place_at, step_size

_SUMMARY, _RESUME = tl.constexpr(SUMMARY), tl.constexpr(RESUME)


@triton.jit
def places_from(
    table: tl.tensor,
    route: tl.tensor,
    first: tl.tensor,
    steps: tl.tensor,
    end: tl.tensor,
    TABLE: tl.constexpr,
    COUNT: tl.constexpr,
) -> tl.tensor:
    """Return the tokens of COUNT steps from `first` on, -1 for none."""
    places = ()
    for j in tl.static_range(COUNT):
        place = place_at(table, route, first + j, steps, end, TABLE)
        places = places + (tl.where(first + j < end, place, -1),)  # noqa: RUF005 -- a tuple of Triton
    return places


@triton.jit
def load_rows(
    pointer: tl.tensor, stride: tl.tensor, places: tl.tensor, mask: tl.tensor, COUNT: tl.constexpr
) -> tl.tensor:
    """Load the channels of COUNT tokens, 0 where there is none."""
    rows = ()
    for j in tl.static_range(COUNT):
        row = tl.load(pointer + places[j] * stride, mask & (places[j] >= 0), other=0.0)
        rows = rows + (row,)  # noqa: RUF005
    return rows


@triton.jit
def load_heads(
    pointer: tl.tensor,
    token_step: tl.tensor,
    state_step: tl.tensor,
    places: tl.tensor,
    STATES: tl.constexpr,
    SECTOR: tl.constexpr,
    COUNT: tl.constexpr,
) -> tl.tensor:
    """Load every SECTOR-th weight of COUNT tokens: those that bring their neighbours into the cache."""
    heads = ()
    for j in tl.static_range(COUNT):
        for n in tl.static_range(0, STATES, SECTOR):
            head = tl.load(pointer + places[j] * token_step + n * state_step, places[j] >= 0, other=0.0)
            heads = heads + (head,)  # noqa: RUF005
    return heads


@triton.jit
def zero_states(rate: tl.tensor, STATES: tl.constexpr) -> tl.tensor:
    """Return a zero for every state."""
    states = ()
    for n in tl.static_range(STATES):
        states = states + (tl.zeros_like(rate[n]),)  # noqa: RUF005
    return states


@triton.jit
def rates_of(
    decay: tl.tensor, channel: tl.tensor, mask: tl.tensor, STATES: tl.constexpr, REAL: tl.constexpr
) -> tl.tensor:
    """Return the decay rates of every state, for powers of two."""
    rates = ()
    for n in tl.static_range(STATES):
        rate = tl.load(decay + channel * STATES + n, mask, other=0.0).to(REAL) * LOG2_E
        rates = rates + (rate,)  # noqa: RUF005
    return rates


@triton.jit
def add_segments(
    state: tl.tensor,
    rate: tl.tensor,
    ends: tl.tensor,
    spans: tl.tensor,
    channel: tl.tensor,
    mask: tl.tensor,
    segment: tl.tensor,
    channels: tl.tensor,
    STATES: tl.constexpr,
) -> tl.tensor:
    """Return the states before `segment`: what each earlier one adds, decayed by those between."""
    for earlier in range(segment):
        span = tl.load(spans + earlier * channels + channel, mask, other=0.0)
        start = ends + earlier * (STATES * channels) + channel
        found = ()
        for n in tl.static_range(STATES):
            added = tl.load(start + n * channels, mask, other=0.0)
            found = found + (tl.exp2(rate[n] * span) * state[n] + added,)  # noqa: RUF005
        state = found
    return state


@triton.jit
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
    reads: tl.tensor,
    writes: tl.tensor,
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
    ROWS: tl.constexpr,
    TILE: tl.constexpr,
    SKIP: tl.constexpr,
    BIAS: tl.constexpr,
    SOFTPLUS: tl.constexpr,
    PHASE: tl.constexpr,
    REAL: tl.constexpr,
    READ: tl.constexpr,
    WRITE: tl.constexpr,
) -> None:
    """Walk the steps with the states of ROWS channels of one group in registers.

    TILE tokens are loaded while the TILE before them are worked on, and stores come last, because
    no load can be moved above a store that might overlap it. Weights of the states are loaded as
    scalars when they are needed, since fetched ahead they would take the registers of other warps; only
    one of every 32 bytes is, so that the others need not wait for the memory.
    """
    blocks = tl.cdiv(width, ROWS)
    block, group = tl.program_id(0) % blocks, tl.program_id(0) // blocks % groups
    # wide, since an operand may hold more elements than int32 counts; with its groups outermost, too
    batch, far = (tl.program_id(0) // (blocks * groups)).to(tl.int64), group.to(tl.int64)
    segment, borders = tl.program_id(1), tl.num_programs(1)
    if PHASE == _RESUME:
        borders -= 1
    row = block * ROWS + tl.arange(0, ROWS)
    mask = row < width
    channel, channels = group * width + row, groups * width
    ends += batch * borders * STATES * channels
    spans += batch * borders * channels
    rate = rates_of(decay, channel, mask, STATES, REAL)
    state = zero_states(rate, STATES)
    if PHASE == _RESUME:
        state = add_segments(state, rate, ends, spans, channel, mask, segment, channels, STATES)
    span = tl.zeros([ROWS], REAL)
    shift = tl.zeros([ROWS], REAL)
    pass_on = tl.zeros([ROWS], REAL)
    if BIAS:
        shift += tl.load(bias + channel, mask, other=0.0).to(REAL)
    if SKIP:
        pass_on += tl.load(skip + channel, mask, other=0.0).to(REAL)
    first = segment * segment_steps
    end = tl.minimum(first + segment_steps, steps)
    u_l, delta_l, y_l = u_strides[3], delta_strides[3], y_strides[3]
    u += batch * u_strides[0] + far * u_strides[1] + row * u_strides[2]
    delta += batch * delta_strides[0] + far * delta_strides[1] + row * delta_strides[2]
    y += batch * y_strides[0] + far * y_strides[1] + row * y_strides[2]
    inp += batch * inp_strides[0] + far * inp_strides[1]
    out += batch * out_strides[0] + far * out_strides[1]
    SECTOR: tl.constexpr = 32 // (inp.dtype.element_ty.primitive_bitwidth // 8)
    HEADS: tl.constexpr = (STATES + SECTOR - 1) // SECTOR
    in_n, in_l, out_n, out_l = inp_strides[2], inp_strides[3], out_strides[2], out_strides[3]
    soon = places_from(reads, group, first, steps, end, READ, TILE)
    later = places_from(reads, group, first + TILE, steps, end, READ, TILE)
    u_soon, d_soon = load_rows(u, u_l, soon, mask, TILE), load_rows(delta, delta_l, soon, mask, TILE)
    in_soon = load_heads(inp, in_l, in_n, soon, STATES, SECTOR, TILE)
    out_soon = load_heads(out, out_l, out_n, soon, STATES, SECTOR, TILE)
    for step in range(first, end, TILE):
        now, u_now, d_now, in_now, out_now = soon, u_soon, d_soon, in_soon, out_soon
        soon = later
        later = places_from(reads, group, step + 2 * TILE, steps, end, READ, TILE)
        u_soon, d_soon = load_rows(u, u_l, soon, mask, TILE), load_rows(delta, delta_l, soon, mask, TILE)
        in_soon = load_heads(inp, in_l, in_n, soon, STATES, SECTOR, TILE)
        out_soon = load_heads(out, out_l, out_n, soon, STATES, SECTOR, TILE)
        ys = ()
        for j in tl.static_range(TILE):
            dt = step_size(d_now[j], shift, mask & (step + j < end), SOFTPLUS, REAL)
            x = u_now[j].to(REAL)
            given, y_row, after = dt * x, pass_on * x, ()
            in_j, out_j = inp + now[j] * in_l, out + now[j] * out_l
            for n in tl.static_range(STATES):
                if n % SECTOR == 0:
                    weight = in_now[j * HEADS + n // SECTOR]
                else:
                    weight = tl.load(in_j + n * in_n, now[j] >= 0, other=0.0)
                h = tl.exp2(dt * rate[n]) * state[n] + given * weight.to(REAL)
                after = after + (h,)  # noqa: RUF005
                if PHASE != _SUMMARY:
                    if n % SECTOR == 0:
                        weight = out_now[j * HEADS + n // SECTOR]
                    else:
                        weight = tl.load(out_j + n * out_n, now[j] >= 0, other=0.0)
                    y_row += h * weight.to(REAL)
            state = after
            span += dt
            ys = ys + (y_row,)  # noqa: RUF005
        if PHASE != _SUMMARY:
            for j in tl.static_range(TILE):
                place = now[j]
                if WRITE:
                    place = place_at(writes, group, step + j, steps, end, True)
                tl.store(y + place * y_l, ys[j].to(y.dtype.element_ty), mask & (place >= 0))
    if PHASE == _SUMMARY:
        for n in tl.static_range(STATES):
            tl.store(ends + segment * (STATES * channels) + n * channels + channel, state[n], mask)
        tl.store(spans + segment * channels + channel, span, mask)

"""Which Triton kernel scans a given call, and how it is cut into programs."""

from __future__ import annotations

from typing import NamedTuple

from bench.ops.selective_scan.inputs import ScanInputs

# Warps that keep a large GPU busy; below half of them tiles are cut into segments.
_BUSY_WARPS = 1536
# The same for walks, which wait at every token: one warp less often has work to hide that.
_BUSY_WALKS, _FEWEST_WALKS = 2560, 512
_FEWEST_SEGMENT_TOKENS = 128
# Every segment adds up those before it, one after the other.
_MOST_SEGMENTS = 64
_SHORT_TOKENS = 256
_LONG_TOKENS = 16384
_FEW_STATES = 4


class ScanPlan(NamedTuple):
    """One way to launch the scan.

    `kernel` is "tile" or "walk", `rows` the channels of a program, `tile` the tokens that a tile kernel
    holds at once and a walk fetches ahead, `stages` the depth of a tile kernel's load pipeline and
    `segments` the cuts of the tokens.
    """

    kernel: str
    rows: int
    warps: int
    tile: int = 4
    stages: int = 1
    segments: int = 1


def channels_lie_together(inputs: ScanInputs) -> bool:
    """Return whether neighbouring channels of u and delta are neighbours in memory."""
    return inputs.u_bdl.stride(1) == 1 and inputs.delta_bdl.stride(1) == 1 and inputs.u_bdl.stride(2) != 1


def choose_plan(inputs: ScanInputs) -> ScanPlan:
    """Return the launch for `inputs`, by number of states, layout and size; see the README's table."""
    tokens, states = inputs.u_bdl.shape[2], inputs.decay_dn.shape[1]
    together = channels_lie_together(inputs)
    if states == 1 and not together:
        return _tile_rows(tokens, inputs.u_bdl.element_size())
    batch, channels = inputs.u_bdl.shape[:2]
    groups = inputs.input_bgnl.shape[1]
    if states > 1 or tokens <= _SHORT_TOKENS:
        return walk_plan(batch * groups, channels // groups, tokens)
    plan = ScanPlan("tile", rows=32, warps=1, tile=32, stages=2)
    return plan._replace(segments=_segments(inputs, plan))


def walk_plan(walks: int, width: int, tokens: int) -> ScanPlan:
    """Return how to walk `tokens` tokens of `walks` groups of `width` channels, over all images.

    Two channels a thread share the weights that they load; where that would leave schedulers without
    work, one channel a thread; where even that would, cut tokens.
    """
    rows = 32 if width % 64 else 64
    warps = walks * -(-width // rows)
    if rows == 64 and _FEWEST_WALKS <= warps < _BUSY_WARPS:
        rows, warps = 32, 2 * warps
    cuts = min(_MOST_SEGMENTS, _BUSY_WALKS // warps, tokens // _FEWEST_SEGMENT_TOKENS)
    return ScanPlan("walk", rows, warps=1, segments=max(1, cuts) if warps < _FEWEST_WALKS else 1)


def backward_plan(inputs: ScanInputs) -> ScanPlan:
    """Return how to walk back: as forth, fetching fewer tokens ahead where each brings many kept states."""
    batch, channels, tokens = inputs.u_bdl.shape
    groups, states = inputs.input_bgnl.shape[1:3]
    plan = walk_plan(batch * groups, channels // groups, tokens)
    return plan._replace(tile=1 if states > _FEW_STATES else plan.tile)


def candidates(inputs: ScanInputs) -> list[ScanPlan]:
    """Return the plans worth timing for `inputs`, the likelier first."""
    tokens, states = inputs.u_bdl.shape[2], inputs.decay_dn.shape[1]
    together = channels_lie_together(inputs)
    if states > 1:
        cuts = choose_plan(inputs).segments
        plans = [ScanPlan("walk", rows, 1, tile) for rows, tile in ((64, 4), (64, 2), (32, 4))]
        plans = [plan._replace(segments=cuts) for plan in plans]
        plans += [plans[0]._replace(segments=more) for more in (2 * cuts, cuts // 2) if cuts > 1]
        return plans
    if together:
        tiles = [ScanPlan("tile", rows, 1, tile) for rows, tile in ((32, 32), (32, 16), (64, 16))]
        tiles.append(tiles[0]._replace(stages=2))
        walks = [ScanPlan("walk", 32, 1), ScanPlan("walk", 64, 1)]
        plans = tiles + walks if tokens > _SHORT_TOKENS else walks + tiles[:2]
        return [plan._replace(segments=_segments(inputs, plan)) for plan in plans]
    if tokens > _SHORT_TOKENS:
        shapes = ((2, 1, 256, 1), (2, 1, 256, 3), (1, 2, 512, 1), (1, 4, 1024, 1))
    else:
        shapes = ((4, 1, 64, 1), (8, 1, 64, 1), (4, 1, 128, 1), (2, 1, 256, 1))
    return [ScanPlan("tile", rows, warps, tile, stages) for rows, warps, tile, stages in shapes]


def _tile_rows(tokens: int, element_bytes: int) -> ScanPlan:
    """Return a plan for contiguous tokens: one warp, 16 bytes per thread and row, a few rows at once."""
    tile = 32 * 16 // element_bytes
    while tile > 32 and tile // 2 >= tokens:
        tile //= 2
    # a long row is read by few programs, which then have to fetch ahead
    stages = 3 if tokens > _LONG_TOKENS else 1
    return ScanPlan("tile", rows=2 if tile > 64 else 4, warps=1, tile=tile, stages=stages)


def _segments(inputs: ScanInputs, plan: ScanPlan) -> int:
    batch, channels, tokens = inputs.u_bdl.shape
    groups = inputs.input_bgnl.shape[1]
    return segment_count(batch * groups * -(-channels // groups // plan.rows) * plan.warps, tokens)


def segment_count(warps: int, tokens: int) -> int:
    """Return into how many segments to cut the tokens, where uncut they would occupy `warps` warps."""
    if 2 * warps > _BUSY_WARPS:
        return 1
    return max(1, min(_MOST_SEGMENTS, _BUSY_WARPS // warps, tokens // _FEWEST_SEGMENT_TOKENS))

"""Which Triton kernel scans a given call, and how it is cut into programs."""

from __future__ import annotations

from typing import NamedTuple

from bench.ops.selective_scan.inputs import ScanInputs

# Warps that keep a large GPU busy; below half of them the tokens are cut into segments.
_BUSY_WARPS = 1536
_FEWEST_SEGMENT_TOKENS = 128
_SHORT_TOKENS = 256


class ScanPlan(NamedTuple):
    """One way to launch the scan.

    `kernel` is "tile" or "walk", `rows` the channels of a program, `tile` the tokens that a tile kernel
    holds at once, `stages` the depth of its load pipeline and `segments` the cuts of the tokens.
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
    if states == 1 and tokens > _SHORT_TOKENS:
        return ScanPlan("tile", rows=64, warps=4, tile=32)
    plan = ScanPlan("walk", rows=64 if states == 1 else 32, warps=1)
    return plan._replace(segments=_segments(inputs, plan))


def _tile_rows(tokens: int, element_bytes: int) -> ScanPlan:
    """Return a plan for contiguous tokens: a warp per row, 16 bytes per thread, or several short rows."""
    tile = 32 * 16 // element_bytes
    while tile > 32 and tile // 2 >= tokens:
        tile //= 2
    return ScanPlan("tile", rows=4 if tile > 64 else 16, warps=4, tile=tile)


def _segments(inputs: ScanInputs, plan: ScanPlan) -> int:
    batch, channels, tokens = inputs.u_bdl.shape
    groups = inputs.input_bgnl.shape[1]
    warps = batch * groups * -(-channels // groups // plan.rows) * plan.warps
    if 2 * warps > _BUSY_WARPS:
        return 1
    return max(1, min(_BUSY_WARPS // warps, tokens // _FEWEST_SEGMENT_TOKENS))

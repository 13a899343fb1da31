"""How LocalMamba counts LocalVim in a segmentor, which is not how it counts the classifier."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from torch import nn

from bench.nets.localvim import DIRECTIONS, MultiDirectionMixer
from bench.nets.mamba_branch import TAPS
from bench.nets.routes import read_order
from bench.tasks.complexity.calls import Call, Calls
from bench.tasks.complexity.official import Formula
from bench.tasks.complexity.scan import ScanShape


def _count(calls: Calls) -> dict[str, int]:
    (patches,) = calls.of(nn.Conv2d)
    grid = patches.output_shape[2], patches.output_shape[3]
    kinds: Counter[str] = Counter(
        patch=patches.conv_macs,
        layer_norm=sum(5 * math.prod(call.input_shape) for call in calls.of(nn.LayerNorm)),
    )
    for call, scan in zip(calls.of(MultiDirectionMixer), calls.scans, strict=True):
        kinds.update(_mixer(call, scan, grid))
    return dict(kinds)


def _mixer(call: Call, scan: ScanShape, grid: tuple[int, int]) -> dict[str, int]:
    mixer: Any = call.module
    batch, tokens, width = call.input_shape
    first = mixer.branches[0]
    inner = scan.channels // scan.routes
    # with the pads of its windows
    steps = sum(len(read_order(name, *grid)) for name in mixer.directions)

    def weights(*layers: str) -> int:
        return sum(call.module.get_parameter(f"{layer}.weight").numel() for layer in layers)

    each = {
        "linear": tokens * weights("in_proj", "out_proj") + steps * weights(first.x_proj, first.dt_proj),
        "conv": (steps + DIRECTIONS * (TAPS - 1)) * weights(first.conv),
        # the sum over the directions stands inside what is counted once per direction
        "scan": DIRECTIONS * steps * inner * (5 * scan.states + 2),
        "gate": DIRECTIONS * weights("attn.global_reduce", "attn.channel_select"),
        # of the block and, per direction, of the gate, both handed to operators
        "layer_norm": 5 * tokens * (width + DIRECTIONS * inner),
    }
    return {kind: batch * count for kind, count in each.items()}


LOCALVIM_DENSE = Formula(
    "LocalVim's dense counter",
    "MACs of one image by the counter that the LocalVim code has for segmentors: linear layers and "
    "convolutions of every direction; 5 L E N + 2 L E for a scan of L tokens (pads of windows included), "
    "E channels and N states, but for all four directions once per direction, so that every scan counts "
    "four times; 5 per element for layer norm",
    _count,
)
"""hunto/LocalMamba, segmentation/tools/analysis_tools/mamba_get_flops.py at 681ff30.

Its handler for the scan of one direction sums over all four.
"""

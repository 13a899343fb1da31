"""How the authors of a network count it, so that its MACs can be set beside the published ones.

Each formula works on what the network really calls for one image, so it holds for every size. What
the formulas leave out or count otherwise than one by one is said in their texts; nothing is mended here.
To add a family, write its formula here and enter it in `FORMULAS`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from bench.nets.hierarchy import Head, Trunk
from bench.nets.localvim import MultiDirectionMixer
from bench.nets.mamba_branch import TAPS
from bench.nets.plain import PlainTrunk
from bench.nets.scan2d import ROUTES, SelectiveScan2d
from bench.nets.vim import FORWARD, BidirectionalMixer
from bench.tasks.complexity.calls import Call, Calls
from bench.tasks.complexity.scan import ScanShape


@dataclass(frozen=True)
class Formula:
    """A way to count: a short name for tables, all of it in words, and MACs by kind of operation."""

    name: str
    text: str
    count: Callable[[Calls], dict[str, int]]


def formula_of(model: nn.Module) -> Formula | None:
    """Return the formula of the network's authors, or None for a network that has none of its own."""
    return next((formula for kind, formula in FORMULAS.items() if isinstance(model, kind)), None)


def count_hierarchy(calls: Calls) -> dict[str, int]:
    """Count VMamba and LocalVMamba; the kinds are the calls of their own code.

    The models without gate keep channels first there: every projection but the head is a convolution.
    """
    mixers = calls.of(SelectiveScan2d)
    gated = all(call.module.gated for call in mixers)
    kinds: Counter[str] = Counter(
        conv=sum(call.conv_macs for call in calls.of(nn.Conv2d)),
        layer_norm=sum(5 * math.prod(call.input_shape) for call in calls.of(nn.LayerNorm)),
        pool=sum(math.prod(call.input_shape) for call in calls.of(Head)),
        scan=sum(_vmamba_scan(scan) for scan in calls.scans),
    )
    for call in calls.of(nn.Linear):
        kinds["linear" if gated or call.name == "classifier.head" else "conv"] += call.linear_macs
    for call, scan in zip(mixers, calls.scans, strict=True):
        kinds.update(_inside_mixer(call))
        for weights in ("x_proj_weight", "dt_projs_weight"):
            macs = scan.batch * scan.tokens * call.module.get_parameter(weights).numel()
            kinds["einsum" if gated else "conv"] += _einsum(macs) if gated else macs
    return dict(kinds)


def _inside_mixer(call: Call) -> dict[str, int]:
    """Count the layers of a mixer that it does not call but hands their weights to an operator."""
    mixer, tokens = call.module, math.prod(call.input_shape[:-1])
    inner = mixer.get_parameter("out_norm.weight").numel()
    # the gate normalises the outputs of every route, the mixer their sum
    norms = 1 + ROUTES if hasattr(mixer.multi_scan, "attn") else 1
    return {
        "conv": tokens * mixer.get_parameter("conv2d.weight").numel(),
        "layer_norm": 5 * tokens * inner * norms,
    }


def _einsum(macs: int) -> int:
    # fvcore reads twice this number from a text of numpy's that has four digits
    return int(float(f"{2 * macs:.3e}")) // 2


def _vmamba_scan(scan: ScanShape) -> int:
    return scan.batch * scan.tokens * scan.channels * (9 * scan.states + scan.skip)


def _count_plain(calls: Calls) -> dict[str, int]:
    """Count LocalVim and Vim."""
    kinds: Counter[str] = Counter(
        patch=sum(call.conv_macs for call in calls.of(nn.Conv2d)),
        head=sum(call.linear_macs for call in calls.layers if call.name == "head"),
    )
    for call, scan in zip(calls.of(BidirectionalMixer, MultiDirectionMixer), calls.scans, strict=True):
        kinds.update(_mixer(call, scan))
    return dict(kinds)


def _mixer(call: Call, scan: ScanShape) -> dict[str, int]:
    mixer, (batch, tokens, width) = call.module, call.input_shape
    first = mixer.branches[0] if isinstance(mixer, MultiDirectionMixer) else FORWARD
    inner = scan.channels // scan.routes

    def macs(*layers: str) -> int:
        return sum(mixer.get_parameter(f"{layer}.weight").numel() for layer in layers)

    gates = ("attn.global_reduce", "attn.channel_select") if isinstance(mixer, MultiDirectionMixer) else ()
    each = {
        "linear": tokens * macs("in_proj", "out_proj", first.x_proj, first.dt_proj),
        "conv": (tokens + TAPS - 1) * macs(first.conv),
        "scan": scan.routes * tokens * inner * (5 * scan.states + 2),
        "gate": macs(*gates),
        "norm": tokens * width,
    }
    return {kind: batch * count for kind, count in each.items()}


FORMULAS: dict[type[nn.Module], Formula] = {
    Trunk: Formula(
        "VMamba's counter",
        "MACs of one image by the counter of the VMamba code, which LocalVMamba uses too and the published "
        "figures were made with: convolutions, linear layers and einsums (to four digits), each "
        "multiply-accumulate counted once; 5 per element for layer norm, 1 for the pooling; 9 L E N + L E "
        "for a selective scan of L tokens (pads of windows included), E channels of all directions and N "
        "states",
        count_hierarchy,
    ),
    PlainTrunk: Formula(
        "LocalVim's counter",
        "MACs of one image by the counter of the LocalVim code, which also gives the figures quoted for Vim, "
        "whose authors have no counter: linear layers and convolutions, but convolution, x_proj and dt_proj "
        "of one direction only, and the channel gate once instead of once per direction; 5 L E N + 2 L E for "
        "the scan of each direction with L tokens (pads of windows left out), E channels and N states; 1 per "
        "element for block norms",
        _count_plain,
    ),
}

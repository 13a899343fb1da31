"""The authors' formulas, against the printed totals and against arithmetic on the published tables."""

from __future__ import annotations

import math
from collections import Counter
from functools import lru_cache

import pytest
import torch
from torch import nn

from bench.nets.build import VARIANTS, build_net
from bench.nets.local_vmamba import SMALL, TINY
from bench.nets.localvim import SEARCHED
from bench.tasks.complexity.calls import Calls, record_calls
from bench.tasks.complexity.counters import count_dispatcher
from bench.tasks.complexity.official import formula_of
from bench.tasks.complexity.scan import scans_as_operators

STATES = 16


@lru_cache(maxsize=64)
def bare(key: str, height: int = 224, width: int = 224) -> nn.Module:
    """Build without data: only shapes are looked at."""
    with torch.device("meta"):
        return build_net(key, image_size=(height, width)).requires_grad_(False)


def image(height: int = 224, width: int = 224) -> torch.Tensor:
    return torch.zeros(1, 3, height, width, device="meta")


@lru_cache(maxsize=64)
def calls(key: str, height: int = 224, width: int = 224) -> Calls:
    net = bare(key, height, width)
    with scans_as_operators(net):
        return record_calls(net, image(height, width))


def official(key: str, height: int = 224, width: int = 224) -> dict[str, int]:
    formula = formula_of(bare(key))
    assert formula is not None
    return {kind: macs for kind, macs in formula.count(calls(key, height, width)).items() if macs}


def performed(key: str, height: int = 224, width: int = 224) -> dict[str, int]:
    """Return what the dispatcher counts: of scans, and of everything else."""
    net = bare(key, height, width)
    with scans_as_operators(net):
        found = count_dispatcher(net, image(height, width))
    scan = found.by_operator["bench::selective_scan"]
    return {"scan": scan, "rest": found.macs - scan}


# parameters, and the printed digits of the total (G) where the authors' counter was run or rebuilt
PRINTED = {
    "vim_tiny": (7_148_008, "1.483"),
    "vim_small": (25_796_584, "5.144"),
    "vim_base": (97_598_440, "19.00"),
    "vim_tiny_stride8": (7_250_344, None),
    "vim_small_stride8": (26_001_256, None),
    "vmamba_tiny_s1l8": (30_249_064, "4.906"),
    "vmamba_small_s1l20": (49_012_840, "8.612"),
    "vmamba_base_s1l20": (86_614_504, "15.221"),
    "vmamba_tiny_s2l5": (30_705_832, "4.858"),
    "vmamba_small_s2l15": (50_147_752, "8.716"),
    "vmamba_base_s2l15": (88_557_800, "15.359"),
    "vmamba_v0_tiny": (22_893_448, "5.627"),
    "vmamba_v0_small": (44_417_416, "11.232"),
    "vmamba_v0_base": (76_254_056, "18.020"),
    "local_vmamba_tiny": (25_527_160, "5.729"),
    "local_vmamba_small": (49_748_536, "11.373"),
    "localvim_tiny": (7_994_152, "1.4818"),
    "localvim_small": (27_783_784, "4.7713"),
    "localvim_small_unsearched": (27_783_784, "4.7713"),
    "localvim_tiny_middle_cls_token": (7_994_536, "1.4892"),
}
# conv, linear, einsum, layer norm, scan: what the authors' counter printed, in G
KINDS = {
    "vmamba_tiny_s1l8": "4.8119 0.0008 0 0.0297 0.0632",
    "vmamba_small_s1l20": "8.4688 0.0008 0 0.0433 0.0993",
    "vmamba_base_s1l20": "15.0296 0.0010 0 0.0577 0.1325",
    "vmamba_tiny_s2l5": "4.7154 0.0008 0 0.0331 0.1084",
    "vmamba_small_s2l15": "8.4982 0.0008 0 0.0482 0.1686",
    "vmamba_base_s2l15": "15.0689 0.0010 0 0.0642 0.2248",
    "vmamba_v0_tiny": "0.0443 2.7753 0.8574 0.0292 1.9207",
    "vmamba_v0_small": "0.0686 5.8966 1.7245 0.0495 3.4922",
    "vmamba_v0_base": "0.0915 10.4826 2.7236 0.0660 4.6563",
    "local_vmamba_tiny": "0.0443 2.7857 0.8692 0.0954 1.9341",
    "local_vmamba_small": "0.0686 5.9177 1.7245 0.1699 3.4922",
}


def test_every_network_has_its_figures_here() -> None:
    assert set(PRINTED) == set(VARIANTS)


@pytest.mark.parametrize("key", PRINTED)
def test_parameters_and_total_are_the_printed_ones(key: str) -> None:
    params, total = PRINTED[key]
    assert sum(parameter.numel() for parameter in bare(key).parameters()) == params
    if total is not None:
        assert f"{sum(official(key).values()) / 1e9:.{len(total.partition('.')[2])}f}" == total


@pytest.mark.parametrize("key", KINDS)
def test_every_kind_is_the_printed_one(key: str) -> None:
    found = official(key)
    printed = [float(digits) for digits in KINDS[key].split()]
    kinds = ("conv", "linear", "einsum", "layer_norm", "scan")
    assert [round(found.get(kind, 0) / 1e9, 4) for kind in kinds] == printed
    # 7 x 7 tokens of the last width are averaged, which no printed digit shows
    assert set(found) - set(kinds) == {"pool"}
    assert found["pool"] == 49 * 8 * (128 if "base" in key else 96)


def plain_tokens(key: str, height: int, width: int) -> tuple[int, int]:
    """Return patches, and tokens with the class token."""
    stride = 8 if "stride8" in key else 16
    patches = ((height - 16) // stride + 1) * ((width - 16) // stride + 1)
    return patches, patches + (key.startswith("vim") or "cls_token" in key)


PLAIN_SIZES = [
    ("vim_tiny", 224, 224),
    ("vim_small", 512, 2048),
    ("vim_tiny_stride8", 224, 224),
    ("vim_small_stride8", 160, 96),
    ("localvim_tiny", 224, 448),
    ("localvim_tiny_middle_cls_token", 96, 160),
]


def plain_widths(key: str) -> tuple[int, int, int]:
    width = 192 if "tiny" in key else 384
    return width, 2 * width, width // 16


@pytest.mark.parametrize(("key", "height", "width"), PLAIN_SIZES)
def test_plain_models_by_hand(key: str, height: int, width: int) -> None:
    patches, tokens = plain_tokens(key, height, width)
    c, e, rank = plain_widths(key)
    depth, directions = (24, 2) if key.startswith("vim") else (20, 4)
    expected = {
        "patch": patches * c * 3 * 16 * 16,
        "linear": depth * tokens * (c * 2 * e + e * (rank + 2 * STATES) + rank * e + e * c),
        "conv": depth * (tokens + 3) * e * 4,
        "scan": depth * directions * (5 * tokens * e * STATES + 2 * tokens * e),
        "norm": depth * tokens * c,
        "head": c * 1000,
    }
    if directions == 4:
        expected["gate"] = depth * 2 * e * (e // 8)
    assert official(key, height, width) == expected


def padded(names: tuple[str, ...], height: int, width: int) -> int:
    """Return the steps of the longest route of a block."""
    sides = {int(name[1]) if name[0] == "w" else 1 for name in names}
    return max(math.ceil(height / k) * k * math.ceil(width / k) * k for k in sides)


@pytest.mark.parametrize(("key", "height", "width"), PLAIN_SIZES)
def test_what_plain_models_perform_by_hand(key: str, height: int, width: int) -> None:
    patches, tokens = plain_tokens(key, height, width)
    c, e, rank = plain_widths(key)
    if key.startswith("vim"):
        steps, gates = [2 * tokens] * 24, 0
    else:
        # pads of windows are scanned too; each direction has its own gate
        grid, token = (height // 16, width // 16), tokens - patches
        steps = [4 * (padded(names, *grid) + token) for names in SEARCHED]
        gates = 20 * 4 * 2 * e * (e // 8)
    found = performed(key, height, width)
    assert found["scan"] == sum(steps) * e * (4 * STATES + 2)
    each_direction = e * 4 + e * (rank + 2 * STATES) + rank * e
    once = patches * c * 3 * 16 * 16 + len(steps) * tokens * 3 * c * e + c * 1000
    assert found["rest"] == once + sum(steps) * each_direction + gates


# linear layers and convolutions of all directions, in G, counted for the fact sheets without channel gates
@pytest.mark.parametrize(
    ("key", "printed"),
    [
        ("vim_tiny", "1.293"),
        ("vim_small", "4.851"),
        ("vim_base", "18.766"),
        ("vim_tiny_stride8", "4.790"),
        ("vim_small_stride8", "17.976"),
        ("localvim_tiny", "1.257"),
        ("localvim_small", "4.538"),
    ],
)
def test_all_directions_are_performed(key: str, printed: str) -> None:
    _, e, _ = plain_widths(key)
    gates = 20 * 4 * 2 * e * (e // 8) if key.startswith("localvim") else 0
    assert (performed(key)["rest"] - gates) / 1e9 == pytest.approx(float(printed), abs=0.000501)


def grids(key: str, height: int, width: int) -> list[tuple[int, ...]]:
    """Return the token grid of every stage."""
    fit = math.floor if "v0" in key or "local" in key else math.ceil
    return [tuple(math.ceil(fit(side / 4) / 2**stage) for side in (height, width)) for stage in range(4)]


HIERARCHIES = [
    ("vmamba_tiny_s1l8", (2, 2, 8, 2), 1, 1),
    ("vmamba_base_s2l15", (2, 2, 15, 2), 2, 1),
    ("vmamba_v0_small", (2, 2, 27, 2), 2, 16),
    ("local_vmamba_tiny", (2, 2, 9, 2), 2, 16),
    ("local_vmamba_small", (2, 2, 27, 2), 2, 16),
]


@pytest.mark.parametrize(("height", "width"), [(224, 224), (160, 232), (512, 2048)])
@pytest.mark.parametrize(("key", "depths", "ratio", "states"), HIERARCHIES)
def test_scans_of_hierarchies_by_hand(  # noqa: PLR0917
    key: str, depths: tuple[int, ...], ratio: int, states: int, height: int, width: int
) -> None:
    first = 128 if "base" in key else 96
    routes = {"local_vmamba_tiny": TINY, "local_vmamba_small": SMALL}.get(key)
    steps: Counter[str] = Counter()
    for stage, ((rows, columns), depth) in enumerate(zip(grids(key, height, width), depths, strict=True)):
        c = first * 2**stage
        e, rank = ratio * c, c // 16
        for block in range(depth):
            names = routes[stage][block] if routes else ("h",)
            length = padded(names, rows, columns)
            steps["scan"] += 4 * e * length
            steps["projections"] += 4 * length * (e * (rank + 2 * states) + rank * e)
    found, done = official(key, height, width), performed(key, height, width)
    assert found["scan"] == (9 * states + 1) * steps["scan"]
    assert done["scan"] == (4 * states + 2) * steps["scan"]
    if "einsum" in found:
        assert found["einsum"] == pytest.approx(steps["projections"], rel=5e-4)
    # besides normalisation and the scan the authors count the same
    others = found["conv"] + found["linear"] + (steps["projections"] if "einsum" in found else 0)
    assert done["rest"] == others


def test_a_network_of_another_kind_has_no_formula_of_its_own() -> None:
    assert formula_of(nn.Conv2d(3, 8, 3)) is None

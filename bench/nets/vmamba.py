"""VMamba: the first model (v0, January 2024) and the release of May 2024 (v2).

Source: VMamba: Visual State Space Model, Liu et al. 2024 (arXiv 2401.10166). The name of a v2 model
says its inner ratio and the depth of its third stage: `s1l8` is ratio 1, eight blocks.
"""

from __future__ import annotations

from torch import nn

from bench.nets.hierarchy import HierarchyConfig, Mixer
from bench.nets.scan2d import RouteChoice, SelectiveScan2d

CROSS = ("h", "v", "h_flip", "v_flip")
"""The four routes of every block."""


def second(depth: int, *, ratio: float, width: int, drop_path_rate: float) -> HierarchyConfig:
    """Return a v2 model whose third stage has `depth` blocks."""
    return HierarchyConfig(
        depths=(2, 2, depth, 2),
        width=width,
        states=1,
        ratio=ratio,
        conv_bias=False,
        gated=False,
        mlp_ratio=4.0,
        stem="v2",
        downsample="v3",
        drop_path_rate=drop_path_rate,
    )


def first(depth: int, *, width: int, drop_path_rate: float) -> HierarchyConfig:
    """Return a v0 model whose third stage has `depth` blocks."""
    return HierarchyConfig(
        depths=(2, 2, depth, 2),
        width=width,
        states=16,
        ratio=2.0,
        conv_bias=True,
        gated=True,
        mlp_ratio=0.0,
        stem="v1",
        downsample="v1",
        drop_path_rate=drop_path_rate,
    )


VMAMBA: dict[str, HierarchyConfig] = {
    "vmamba_tiny_s1l8": second(8, ratio=1.0, width=96, drop_path_rate=0.2),
    "vmamba_small_s1l20": second(20, ratio=1.0, width=96, drop_path_rate=0.3),
    "vmamba_base_s1l20": second(20, ratio=1.0, width=128, drop_path_rate=0.5),
    "vmamba_tiny_s2l5": second(5, ratio=2.0, width=96, drop_path_rate=0.2),
    "vmamba_small_s2l15": second(15, ratio=2.0, width=96, drop_path_rate=0.3),
    "vmamba_base_s2l15": second(15, ratio=2.0, width=128, drop_path_rate=0.6),
    "vmamba_v0_tiny": first(9, width=96, drop_path_rate=0.2),
    "vmamba_v0_small": first(27, width=96, drop_path_rate=0.3),
    "vmamba_v0_base": first(27, width=128, drop_path_rate=0.5),
}
"""Every released VMamba; the released file of v0 base says drop path 0.6, its configuration 0.5."""


def cross_scan_mixer(config: HierarchyConfig, scan_backend: str) -> Mixer:
    """Return the maker of VMamba's mixers: the same four routes in every block."""

    def make(width: int, _stage: int, _index: int) -> nn.Module:
        return SelectiveScan2d(width, config, RouteChoice(CROSS), scan_backend)

    return make

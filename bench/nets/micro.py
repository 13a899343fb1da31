"""Networks of at most 0.7 million parameters for small images of few classes.

The classes and blocks are those of the published models, at less width and depth; nobody published these.
They are for 64 px, so Vim has patches of 8 px, and stages hold what a grid of 16x16 tokens can use.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bench.nets.hierarchy import HierarchyConfig
from bench.nets.local_vmamba import LocalVMambaConfig, parse_directions
from bench.nets.plain import PlainConfig
from bench.nets.vim import VimConfig

DIRECTIONS = tuple(
    map(
        parse_directions,
        (
            "h v w2 w7_flip",
            "h_flip v_flip w2_flip w7",
            """h v_flip w2 w7_flip
            h_flip v w2_flip w7""",
            "h h_flip v v_flip",
        ),
    )
)
"""Routes of every block, of the kinds that the search of LocalMamba chose from; these were chosen by hand."""

MICRO: Mapping[str, HierarchyConfig | PlainConfig] = MappingProxyType(
    {
        "micro_vim": VimConfig(96, depth=6, stride=8, patch=8, drop_path_rate=0.05),
        "micro_vmamba": HierarchyConfig(
            depths=(2, 2, 2, 1),
            width=24,
            states=1,
            ratio=1.0,
            conv_bias=False,
            gated=False,
            mlp_ratio=2.0,
            stem="v2",
            downsample="v3",
            drop_path_rate=0.05,
        ),
        "micro_local_vmamba": LocalVMambaConfig(
            depths=tuple(map(len, DIRECTIONS)),
            width=24,
            states=8,
            ratio=2.0,
            conv_bias=True,
            gated=True,
            mlp_ratio=0.0,
            stem="v1",
            downsample="v1",
            drop_path_rate=0.05,
            directions=DIRECTIONS,
        ),
    }
)
"""Every small network of this package by its key."""

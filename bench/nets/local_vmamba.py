"""LocalVMamba: VMamba v0 whose blocks scan along routes of their own, some inside windows.

Source: LocalMamba: Visual State Space Model with Windowed Selective Scan, Huang et al. 2024
(arXiv 2403.09338). The routes were found by a search and are not in the checkpoints; a block's
weights belong to its routes in the order written here.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from bench.nets.hierarchy import HierarchyConfig, Mixer
from bench.nets.scan2d import RouteChoice, SelectiveScan2d

Directions = tuple[tuple[str, ...], ...]
"""The routes of the blocks of one stage."""


@dataclass(frozen=True)
class LocalVMambaConfig(HierarchyConfig):
    """A hierarchy and the routes of every block: `directions[stage][block]`."""

    directions: tuple[Directions, ...]


def parse_directions(text: str) -> Directions:
    """Return the routes of one block per line of `text`."""
    return tuple(tuple(line.split()) for line in text.strip().splitlines())


TINY = tuple(
    map(
        parse_directions,
        (
            """h h_flip w7 w7_flip
            h_flip v_flip w2 w2_flip""",
            """h_flip v_flip w2_flip w7
            h_flip v v_flip w2""",
            """h h_flip v_flip w2_flip
            h_flip v_flip w2 w2_flip
            h w2_flip w7 w7_flip
            h h_flip v v_flip
            h v_flip w7 w7_flip
            h_flip v w2 w7_flip
            v v_flip w2 w7_flip
            h h_flip v_flip w2_flip
            v_flip w2_flip w7 w7_flip""",
            """h_flip v_flip w2_flip w7_flip
            h_flip v w7 w7_flip""",
        ),
    )
)

SMALL = tuple(
    map(
        parse_directions,
        (
            """h v v_flip w7_flip
            h h_flip v w7""",
            """h_flip v v_flip w7
            h_flip v w2_flip w7""",
            """h_flip v w2_flip w7
            h_flip v_flip w2 w7_flip
            h_flip v v_flip w7
            h v v_flip w7
            h v v_flip w7
            h v v_flip w7_flip
            h h_flip v v_flip
            h v v_flip w2
            v v_flip w2_flip w7
            h h_flip v w2
            h_flip v v_flip w7_flip
            h h_flip v v_flip
            h v v_flip w7_flip
            h v v_flip w7_flip
            h h_flip v_flip w7
            h_flip v_flip w2_flip w7
            h_flip v v_flip w7_flip
            v v_flip w7 w7_flip
            h v v_flip w7_flip
            h_flip v v_flip w2
            h v v_flip w2_flip
            h h_flip v w7
            h h_flip w7 w7_flip
            h v_flip w2 w2_flip
            h v_flip w2 w7
            h v v_flip w7_flip
            h_flip v w2_flip w7""",
            """h_flip v_flip w7 w7_flip
            h v w7 w7_flip""",
        ),
    )
)


def _config(directions: tuple[Directions, ...]) -> LocalVMambaConfig:
    return LocalVMambaConfig(
        depths=tuple(map(len, directions)),
        width=96,
        states=16,
        ratio=2.0,
        conv_bias=True,
        gated=True,
        mlp_ratio=0.0,
        stem="v1",
        downsample="v1",
        drop_path_rate=0.2,
        directions=directions,
    )


LOCAL_VMAMBA = {"local_vmamba_tiny": _config(TINY), "local_vmamba_small": _config(SMALL)}
"""The two published models."""


def local_scan_mixer(config: LocalVMambaConfig, scan_backend: str, true_inverse: bool) -> Mixer:
    """Return the maker of LocalVMamba's mixers: routes of their own, each gated before the sum.

    Pads of the windows are read as zeros and still decay the state, as in the released code.
    """

    def make(width: int, stage: int, index: int) -> nn.Module:
        routes = RouteChoice(config.directions[stage][index], true_inverse, gated=True)
        return SelectiveScan2d(width, config, routes, scan_backend)

    return make

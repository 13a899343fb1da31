"""LocalVMamba: VMamba v0 whose blocks scan along routes of their own, some inside windows.

Source: LocalMamba: Visual State Space Model with Windowed Selective Scan, Huang et al. 2024
(arXiv 2403.09338). The routes were found by a search and are not in the checkpoints; a block's
weights belong to its routes in the order written here.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from bench.nets.hierarchy import HierarchyConfig, Mixer
from bench.nets.layers import ChannelGate, gated_sum
from bench.nets.routes import Layout, give_back, take
from bench.nets.scan2d import RouteWeights, ScanRoutes, SelectiveScan2d, scan_sequences

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


class LocalScan(ScanRoutes):
    """Routes with windows, each route gated by its channels before the sum.

    Pads are read as zeros and still decay the state, as in the released code.
    """

    def __init__(self, inner: int, names: tuple[str, ...], true_inverse: bool) -> None:
        super().__init__()
        self.names, self.true_inverse = names, true_inverse
        self.attn = ChannelGate(inner)

    def forward(self, v_bdhw: Tensor, weights: RouteWeights, backend: str) -> Tensor:
        """Return (b, h, w, d): the gated sum of the routes, pads left out."""
        height, width = v_bdhw.shape[2:]
        layout = Layout(self.names, height, width, self.true_inverse)
        y_bkds = scan_sequences(take(v_bdhw.flatten(2), layout), weights, backend)
        y_bdl = gated_sum(self.attn, give_back(y_bkds, layout))
        return y_bdl.reshape(v_bdhw.shape).permute(0, 2, 3, 1)


def local_scan_mixer(config: LocalVMambaConfig, scan_backend: str, true_inverse: bool) -> Mixer:
    """Return the maker of LocalVMamba's mixers."""

    def make(width: int, stage: int, index: int) -> nn.Module:
        routes = LocalScan(int(config.ratio * width), config.directions[stage][index], true_inverse)
        return SelectiveScan2d(width, config, routes, scan_backend)

    return make

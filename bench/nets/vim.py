"""Vim: bidirectional Mamba blocks on a plain token sequence.

Source: Vision Mamba: Efficient Visual Representation Learning with Bidirectional State Space Model,
Zhu et al. 2024 (arXiv 2401.09417), algorithm 1, as released in 2024-08: class token in the middle of
the sequence, sum of both directions halved, no rotary embedding.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from bench.nets.mamba_branch import BranchNames, add_branch, gather_branches, scan_branches, step_rank
from bench.nets.plain import Mixer, PlainConfig, Tap
from bench.nets.position import Grid
from bench.nets.routes import Layout, routes_of
from bench.ops.route_merge import Merge, merge_routes

BOTH_WAYS = ("h", "h_flip")
FORWARD = BranchNames("conv1d", "x_proj", "dt_proj", "A_log", "D")
BACKWARD = BranchNames("conv1d_b", "x_proj_b", "dt_proj_b", "A_b_log", "D_b")


@dataclass(frozen=True)
class VimConfig(PlainConfig):
    """A plain model with bidirectional mixers.

    Attributes:
        halved: whether the sum of both directions is divided by two; not so in the files of
            January 2024, which also have rotary embedding and no class token.
        dense_tap: what the published segmentation configuration of this size takes from the blocks.

    """

    depth: int = 24
    halved: bool = True
    dense_tap: Tap = "residual"


VIM: dict[str, VimConfig] = {
    "vim_tiny": VimConfig(192, dense_tap="branch"),
    "vim_small": VimConfig(384, drop_path_rate=0.05),
    "vim_base": VimConfig(768),
    "vim_tiny_stride8": VimConfig(192, stride=8, dense_tap="branch"),
    "vim_small_stride8": VimConfig(384, stride=8),
}
"""Every published Vim."""


class BidirectionalMixer(nn.Module):
    """Two Mamba branches, one on the reversed sequence, sharing projections and gate ("v2")."""

    def __init__(self, width: int, *, halved: bool, scan_backend: str) -> None:
        super().__init__()
        inner, rank = 2 * width, step_rank(width)
        self.halved, self.scan_backend = halved, scan_backend
        self.in_proj = nn.Linear(width, 2 * inner, bias=False)
        for names in (FORWARD, BACKWARD):
            add_branch(self, names, inner, rank)
        self.out_proj = nn.Linear(inner, width, bias=False)

    def forward(self, n_blc: Tensor, _grid: Grid | None = None) -> Tensor:
        """Mix the sequence `n_blc`; the token grid does not matter here."""
        u_bld, z_bld = self.in_proj(n_blc).chunk(2, dim=-1)
        routes = routes_of(Layout(BOTH_WAYS, 1, n_blc.shape[1]), n_blc.device)
        y_bkld = scan_branches(u_bld, routes, gather_branches(self, (FORWARD, BACKWARD)), self.scan_backend)
        # The gate is the same for both directions, so it is applied once to their sum.
        merge = Merge(z_bld, scale=0.5 if self.halved else 1.0)
        out_blc: Tensor = self.out_proj(merge_routes(y_bkld, merge, backend=self.scan_backend))
        return out_blc


def bidirectional_mixer(config: VimConfig, scan_backend: str) -> Mixer:
    """Return the maker of Vim's mixers: the same kind in every block."""

    def make(_block: int) -> nn.Module:
        return BidirectionalMixer(config.width, halved=config.halved, scan_backend=scan_backend)

    return make

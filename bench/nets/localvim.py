"""LocalVim: Vim with four directions per block, some inside windows.

Source: LocalMamba: Visual State Space Model with Windowed Selective Scan, Huang et al. 2024
(arXiv 2403.09338). The directions were found by a search and are not in the checkpoints; direction j
of a block uses the weights with suffix `_j`.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from bench.nets.layers import ChannelGate
from bench.nets.mamba_branch import BranchNames, add_branch, gather_branches, scan_branches, step_rank
from bench.nets.plain import Mixer, PlainConfig
from bench.nets.position import Grid
from bench.nets.routes import Layout, routes_of
from bench.ops.route_merge import Merge, merge_routes

DIRECTIONS = 4

SEARCHED = tuple(
    tuple(line.split())
    for line in """\
h v_flip w7 w7_flip
h_flip w2_flip w7 w7_flip
h h_flip v w7
h h_flip v v_flip
h h_flip v v_flip
h h_flip v v_flip
h_flip v v_flip w7
h_flip v v_flip w2_flip
h h_flip v v_flip
h h_flip v v_flip
h v v_flip w2
h v v_flip w2_flip
h h_flip v_flip w7
h_flip v v_flip w2
h h_flip v v_flip
h v w2 w2_flip
v v_flip w2 w7
h h_flip v w2
h h_flip w2_flip w7
v v_flip w2 w2_flip
""".splitlines()
)
"""What the search found, block by block; the paper uses it for both sizes."""

UNSEARCHED = (("h", "h_flip", "w2", "w2_flip"),) * 20
"""What the released definition of the small model builds: its second definition replaces the first."""


@dataclass(frozen=True)
class LocalVimConfig(PlainConfig):
    """A plain model and the directions of every block."""

    depth: int = 20
    class_token: bool = False
    rotary: bool = True
    any_size: bool = True
    drop_path_rate: float = 0.1
    directions: tuple[tuple[str, ...], ...] = SEARCHED


LOCALVIM: dict[str, LocalVimConfig] = {
    "localvim_tiny": LocalVimConfig(192),
    "localvim_small": LocalVimConfig(384),
    "localvim_small_unsearched": LocalVimConfig(384, directions=UNSEARCHED),
    "localvim_tiny_middle_cls_token": LocalVimConfig(192, class_token=True, rotary=False),
}
"""Every published LocalVim, and the small one as its released definition builds it."""


def _names(direction: int) -> BranchNames:
    return BranchNames(
        *(f"{stem}_{direction}" for stem in ("conv1d", "x_proj", "dt_proj", "A_log", "D")),
    )


class MultiDirectionMixer(nn.Module):
    """Four Mamba branches on re-ordered tokens, each gated by its channels, then summed.

    Pads of the windows are tokens whose projections are zero; through the bias of the convolution
    they still move the state, as in the released code.
    """

    def __init__(
        self, width: int, names: tuple[str, ...], *, class_token: bool, true_inverse: bool, scan_backend: str
    ) -> None:
        super().__init__()
        inner, rank = 2 * width, step_rank(width)
        self.directions, self.class_token = names, class_token
        self.true_inverse, self.scan_backend = true_inverse, scan_backend
        self.branches = tuple(_names(direction) for direction in range(DIRECTIONS))
        self.in_proj = nn.Linear(width, 2 * inner, bias=False)
        for branch in self.branches:
            add_branch(self, branch, inner, rank)
        self.attn = ChannelGate(inner)
        self.out_proj = nn.Linear(inner, width, bias=False)

    def forward(self, n_blc: Tensor, grid: Grid) -> Tensor:
        """Mix the tokens `n_blc` of `grid`, with the class token in the middle if there is one."""
        middle = (n_blc.shape[1] - 1) // 2 if self.class_token else None
        layout = Layout(self.directions, *grid, self.true_inverse, middle)
        routes = routes_of(layout, n_blc.device)
        u_bld, z_bld = self.in_proj(n_blc).chunk(2, dim=-1)
        y_bkld = scan_branches(u_bld, routes, gather_branches(self, self.branches), self.scan_backend)
        # Each output meets the gate of the token it came from, which need not be the one it lands on.
        merge = Merge(z_bld, gate="each", origin_kl=routes.origin_kl)
        merge = merge._replace(factor_bkd=self.attn(y_bkld, merge, self.scan_backend))
        out_blc: Tensor = self.out_proj(merge_routes(y_bkld, merge, backend=self.scan_backend))
        return out_blc


def multi_direction_mixer(config: LocalVimConfig, scan_backend: str, true_inverse: bool) -> Mixer:
    """Return the maker of LocalVim's mixers."""

    def make(block: int) -> nn.Module:
        return MultiDirectionMixer(
            config.width,
            config.directions[block],
            class_token=config.class_token,
            true_inverse=true_inverse,
            scan_backend=scan_backend,
        )

    return make

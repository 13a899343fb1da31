"""Small layers shared by the visual Mamba networks.

Letters in shapes, here and in the sibling modules: b batch, h and w token grid, c model width,
d inner width, k scan routes, l tokens, n states per channel, r rank of the step-size projection.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.ops.fusing import autocast_on, working_dtype
from bench.ops.norm import layer_norm
from bench.ops.route_merge import Merge, NormWeights, mean_normed


def widen(x: Tensor) -> Tensor:
    """Return `x` in float32 if it is half precision, else unchanged (float64 stays float64)."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


class RMSNorm(nn.Module):
    """Scale by the root mean square over the last dimension: no mean, no bias (Zhang and Sennrich 2019)."""

    bias: None = None

    def __init__(self, width: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `x` (..., c) in its own dtype."""
        return functional.rms_norm(x, x.shape[-1:], self.weight.to(x.dtype), self.eps)


class LayerNorm(nn.LayerNorm):
    """Layer norm over channels, on CUDA in one pass.

    Args:
        width: channels.
        narrow: under autocast, give the dtype that the layer behind it works in, not float32.

    """

    def __init__(self, width: int, *, narrow: bool = False) -> None:
        super().__init__(width)
        self.narrow = narrow

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `x` (..., c)."""
        dtype = working_dtype(x) if self.narrow or not autocast_on(x) else torch.float32
        return layer_norm(x, self.weight, self.bias, self.eps, dtype)


class DropPath(nn.Module):
    """Drop a residual branch per sample while training (stochastic depth, Huang et al. 2016)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` (b, ...), with whole samples zeroed and the others scaled up while training."""
        if not self.training or self.rate == 0.0:
            return x
        keep = 1.0 - self.rate
        mask = x.new_empty((x.shape[0],) + (1,) * (x.dim() - 1)).bernoulli_(keep)
        return x * mask / keep


class Permute(nn.Module):
    """A permutation of dimensions, to change the layout inside an `nn.Sequential`."""

    def __init__(self, *order: int) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        """Return a view of `x` with its dimensions in the new order."""
        return x.permute(self.order)


class Mlp(nn.Module):
    """Two linear layers with exact GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map `x` (..., c) to the same shape."""
        y: Tensor = self.fc2(functional.gelu(self.fc1(x)))
        return y


class ChannelGate(nn.Module):
    """One factor in (0, 1) per route and channel, from the mean of the normalised tokens.

    Source: SCAttn of LocalMamba (Huang et al. 2024), global branch only, as released: the spatial
    branch of the paper is not part of the released models.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = int(width * 0.125)
        self.norm = nn.LayerNorm(width)
        self.global_reduce = nn.Linear(width, hidden)
        self.channel_select = nn.Linear(hidden, width)

    def forward(self, y_bkld: Tensor, merge: Merge, backend: str) -> Tensor:
        """Return the factors (b, k, d) for route outputs `y_bkld`; all routes share the weights."""
        mean_bkd = mean_normed(y_bkld, merge, norm_weights(self.norm), backend).to(y_bkld.dtype)
        factor_bkd: Tensor = self.channel_select(functional.gelu(self.global_reduce(mean_bkd))).sigmoid()
        return factor_bkd


def norm_weights(norm: nn.LayerNorm) -> NormWeights:
    """Return the weights of a layer norm, for operators that normalise as a part of their work."""
    return NormWeights(norm.weight, norm.bias, norm.eps)

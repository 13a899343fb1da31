"""The merge of routes from plain operations; differentiable."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from bench.ops.fusing import wide_dtype
from bench.ops.route_merge.inputs import Merge, NormWeights


def composed_merge(y_bkld: Tensor, merge: Merge, norm: NormWeights | None) -> Tensor:
    """Return (b, l, d), see `bench.ops.route_merge.merge_routes`."""
    wide = wide_dtype(y_bkld.dtype)
    y_bkld, dtype = _gated(y_bkld, merge), y_bkld.dtype
    if merge.factor_bkd is not None:
        y_bkld = y_bkld * merge.factor_bkd.to(y_bkld.dtype)[:, :, None]
    total_bld = y_bkld.sum(1, dtype=wide)
    if merge.scale != 1.0:
        total_bld = total_bld * merge.scale
    if norm is not None:
        total_bld = _normed(total_bld, norm)
    if merge.z_bld is not None and merge.gate == "sum":
        total_bld = total_bld * functional.silu(merge.z_bld.to(wide))
    return total_bld.to(dtype)


def composed_means(y_bkld: Tensor, merge: Merge, norm: NormWeights) -> Tensor:
    """Return (b, k, d), see `bench.ops.route_merge.mean_normed`."""
    return _normed(_gated(y_bkld, merge).to(wide_dtype(y_bkld.dtype)), norm).mean(dim=2)


def _gated(y_bkld: Tensor, merge: Merge) -> Tensor:
    if merge.z_bld is None or merge.gate == "sum":
        return y_bkld
    g_bld = functional.silu(merge.z_bld)
    g_bkld = g_bld[:, None] if merge.origin_kl is None else g_bld[:, merge.origin_kl.long()]
    return y_bkld * g_bkld


def _normed(x: Tensor, norm: NormWeights) -> Tensor:
    return functional.layer_norm(x, x.shape[-1:], norm.weight.to(x.dtype), norm.bias.to(x.dtype), norm.eps)

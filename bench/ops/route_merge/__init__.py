"""What the routes of a scan say about each token, gated, added up, normalised."""

from __future__ import annotations

from torch import Tensor

from bench.ops.fusing import fuses
from bench.ops.route_merge.composed import composed_means, composed_merge
from bench.ops.route_merge.inputs import Merge, NormWeights

__all__ = ["Merge", "NormWeights", "mean_normed", "merge_routes"]


def merge_routes(
    y_bkld: Tensor, merge: Merge, norm: NormWeights | None = None, backend: str = "auto"
) -> Tensor:
    """Return the sum over the routes of `y_bkld` (b, k, l, d), with gates and norm, (b, l, d).

    In this order: each route times silu(z) of the token that it read, if `merge.gate` is "each"; times
    its channel factors; the sum; times `merge.scale`; layer norm; times silu(z), if `merge.gate` is
    "sum". Sums are made in float32 at least; the result has the dtype of `y_bkld`.
    """
    weights = () if norm is None else norm[:2]
    if fuses(backend, y_bkld, merge.z_bld, merge.factor_bkd, *weights):
        from bench.ops.route_merge.fused import fused_merge  # noqa: PLC0415 -- Triton may be absent

        return fused_merge(y_bkld, merge, norm)
    return composed_merge(y_bkld, merge, norm)


def mean_normed(y_bkld: Tensor, merge: Merge, norm: NormWeights, backend: str = "auto") -> Tensor:
    """Return the mean over the tokens of the layer norm of every route, (b, k, d), in float32 at least.

    With `merge.gate` "each" a route is gated as in `merge_routes` before it is normalised; nothing
    else of `merge` is used.
    """
    if fuses(backend, y_bkld, merge.z_bld, norm.weight, norm.bias):
        from bench.ops.route_merge.fused import fused_means  # noqa: PLC0415

        return fused_means(y_bkld, merge, norm)
    return composed_means(y_bkld, merge, norm)

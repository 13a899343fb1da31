"""Selective scan of tokens along several routes: the core of VMamba, LocalVMamba, Vim and LocalVim."""

from __future__ import annotations

from torch import Tensor

from bench.ops.fusing import fuses
from bench.ops.route_scan.composed import composed_scan
from bench.ops.route_scan.inputs import Routes, RouteWeights, check_route_inputs
from bench.ops.selective_scan import resolve_backend

__all__ = ["RouteWeights", "Routes", "route_scan"]


def route_scan(x: Tensor, routes: Routes, weights: RouteWeights, backend: str = "auto") -> Tensor:
    """Scan tokens along every route and return what each route gives every token.

    Route k projects what it reads to r step features, n input and n output weights by `x_proj[k]`,
    makes step sizes softplus(dt_proj[k] features + bias) and scans with its own A, D and bias, as
    `bench.ops.selective_scan` defines it (VMamba, Liu et al. 2024, section 4.3; LocalMamba, Huang et
    al. 2024). At a pad the tokens and their projections are 0, so that the state decays by the bias.

    Args:
        x: tokens (b, l, d) that every route reads in its own order, or sequences (b, k, s, d) that
            are in the order of the routes already.
        routes: where each step reads and where its output goes.
        weights: projections, decay rates, skip weights and step bias of the routes.
        backend: a backend of the selective scan. "triton" follows the routes inside the kernel; the
            other backends, and calls that record gradients, lay out the sequences.

    Returns:
        y (b, k, l, d) in the dtype of `x`.

    Raises:
        ValueError: shapes do not fit, or the backend is unknown or cannot run here.

    """
    inputs = check_route_inputs(x, routes, weights)
    if not fuses(backend, x, *weights):
        return composed_scan(inputs, resolve_backend(backend, x))
    from bench.ops.route_scan.fused import fused_scan  # noqa: PLC0415 -- Triton may be absent

    return fused_scan(inputs)

"""Selective scan of a 2-D map along several routes (SS2D; VMamba, Liu et al. 2024, section 4.3).

The mixer is the same for VMamba and LocalVMamba; what differs is the ways over the map, and that
LocalVMamba gates what each way gives.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bench.nets.hierarchy import HierarchyConfig
from bench.nets.layers import ChannelGate, norm_weights, widen
from bench.nets.routes import Layout, routes_of
from bench.nets.ssm_init import decay_logs, linear_weight, step_bias, step_weight
from bench.ops.map_conv import map_conv
from bench.ops.route_merge import Merge, merge_routes
from bench.ops.route_scan import RouteWeights, route_scan

ROUTES = 4


class RouteChoice(NamedTuple):
    """The ways of a mixer over the map.

    Attributes:
        names: routes in the order of the weights, see `bench.nets.routes`.
        true_inverse: whether every output returns to the token that it came from, see there.
        gated: whether each route is scaled by its channels before the sum.

    """

    names: tuple[str, ...]
    true_inverse: bool = True
    gated: bool = False


class RouteGate(nn.Module):
    """Holds the gate of the routes under its published name."""

    def __init__(self, inner: int) -> None:
        super().__init__()
        self.attn = ChannelGate(inner)


class SelectiveScan2d(nn.Module):
    """Project, convolve, scan along four routes, merge, normalise, gate, project back.

    Args:
        width: model width c.
        config: states, inner ratio, convolution bias and gate of the model.
        routes: the ways over the map.
        scan_backend: backend of `bench.ops.selective_scan`.

    """

    def __init__(self, width: int, config: HierarchyConfig, routes: RouteChoice, scan_backend: str) -> None:
        super().__init__()
        inner, rank, states = int(config.ratio * width), math.ceil(width / 16), config.states
        self.gated, self.scan_backend = config.gated, scan_backend
        self.routes = routes
        self.in_proj = nn.Linear(width, 2 * inner if config.gated else inner, bias=False)
        self.conv2d = nn.Conv2d(inner, inner, 3, padding=1, groups=inner, bias=config.conv_bias)
        self.x_proj_weight = nn.Parameter(linear_weight(ROUTES, rank + 2 * states, inner))
        self.dt_projs_weight = nn.Parameter(step_weight(ROUTES, inner, rank))
        self.dt_projs_bias = nn.Parameter(step_bias(ROUTES, inner))
        self.A_logs = nn.Parameter(decay_logs(ROUTES * inner, states))
        self.Ds = nn.Parameter(torch.ones(ROUTES * inner))
        self.multi_scan = RouteGate(inner) if routes.gated else None
        self.out_norm = nn.LayerNorm(inner)
        self.out_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x_bhwc: Tensor) -> Tensor:
        """Mix the tokens of `x_bhwc` and return the same shape."""
        grid = (x_bhwc.shape[1], x_bhwc.shape[2])
        v_bhwd, z_bhwd = self._project(x_bhwc)
        v_bhwd = map_conv(v_bhwd, self.conv2d.weight, self.conv2d.bias, self.scan_backend)
        routes = routes_of(Layout(self.routes.names, *grid, self.routes.true_inverse), v_bhwd.device)
        y_bkld = route_scan(v_bhwd.flatten(1, 2), routes, self._weights(), self.scan_backend)
        merge = Merge(None if z_bhwd is None else z_bhwd.flatten(1, 2))
        if self.multi_scan is not None:
            factor_bkd = self.multi_scan.attn(y_bkld, merge, self.scan_backend)
            merge = merge._replace(factor_bkd=factor_bkd)
        y_bld = merge_routes(y_bkld, merge, norm_weights(self.out_norm), self.scan_backend)
        out_bhwc: Tensor = self.out_proj(y_bld.unflatten(1, grid))
        return out_bhwc

    def _weights(self) -> RouteWeights:
        return RouteWeights(
            self.x_proj_weight,
            self.dt_projs_weight,
            -torch.exp(widen(self.A_logs)),
            widen(self.Ds),
            widen(self.dt_projs_bias).flatten(),
        )

    def _project(self, x_bhwc: Tensor) -> tuple[Tensor, Tensor | None]:
        v: Tensor = self.in_proj(x_bhwc)
        if not self.gated:
            return v, None
        first, second = v.chunk(2, dim=-1)
        return first, second

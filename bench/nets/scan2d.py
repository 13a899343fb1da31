"""Selective scan of a 2-D map along several routes (SS2D; VMamba, Liu et al. 2024, section 4.3).

The mixer is the same for VMamba and LocalVMamba; what differs is the way over the map, which is the
job of a `ScanRoutes` module.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.nets.hierarchy import HierarchyConfig
from bench.nets.layers import widen
from bench.nets.ssm_init import decay_logs, linear_weight, step_bias, step_weight
from bench.ops.cross_scan import cross_selective_scan
from bench.ops.selective_scan import selective_scan

ROUTES = 4


class RouteWeights(NamedTuple):
    """What a mixer gives its four routes: projections, decay rates A, skip weights D, step bias."""

    x_proj_kpd: Tensor
    dt_proj_kdr: Tensor
    decay_en: Tensor
    skip_e: Tensor
    bias_e: Tensor


class ScanRoutes(nn.Module, ABC):
    """The routes of a mixer over the map, without or with weights of their own."""

    @abstractmethod
    def forward(self, v_bdhw: Tensor, weights: RouteWeights, backend: str) -> Tensor:
        """Return what the routes say about every token, merged: (b, h, w, d)."""


class CrossScan(ScanRoutes):
    """Rows, columns, rows backwards, columns backwards, in this order; merged by a plain sum."""

    def forward(self, v_bdhw: Tensor, weights: RouteWeights, backend: str) -> Tensor:
        """Return (b, h, w, d), summed in float32 at least."""
        return cross_selective_scan(v_bdhw.permute(0, 2, 3, 1), *weights, backend=backend)


def scan_sequences(u_bkds: Tensor, weights: RouteWeights, backend: str) -> Tensor:
    """Scan the sequence of every route with its own weights: (b, k, d, steps) to the same shape."""
    states = weights.decay_en.shape[1]
    parts = [weights.dt_proj_kdr.shape[2], states, states]
    p_bkps = torch.matmul(weights.x_proj_kpd, u_bkds)
    features_bkrs, input_bkns, output_bkns = torch.split(p_bkps, parts, dim=2)
    delta_bkds = torch.matmul(weights.dt_proj_kdr, features_bkrs)
    y_bes = selective_scan(
        u_bkds.flatten(1, 2),
        delta_bkds.flatten(1, 2),
        A=weights.decay_en,
        B=input_bkns,
        C=output_bkns,
        D=weights.skip_e,
        delta_bias=weights.bias_e,
        delta_softplus=True,
        backend=backend,
    )
    return y_bes.reshape(u_bkds.shape)


class SelectiveScan2d(nn.Module):
    """Project, convolve, scan along four routes, merge, normalise, gate, project back.

    Args:
        width: model width c.
        config: states, inner ratio, convolution bias and gate of the model.
        routes: layout of the sequences, see `ScanRoutes`.
        scan_backend: backend of `bench.ops.selective_scan`.

    """

    def __init__(self, width: int, config: HierarchyConfig, routes: ScanRoutes, scan_backend: str) -> None:
        super().__init__()
        inner, rank, states = int(config.ratio * width), math.ceil(width / 16), config.states
        self.gated, self.scan_backend = config.gated, scan_backend
        self.in_proj = nn.Linear(width, 2 * inner if config.gated else inner, bias=False)
        self.conv2d = nn.Conv2d(inner, inner, 3, padding=1, groups=inner, bias=config.conv_bias)
        self.x_proj_weight = nn.Parameter(linear_weight(ROUTES, rank + 2 * states, inner))
        self.dt_projs_weight = nn.Parameter(step_weight(ROUTES, inner, rank))
        self.dt_projs_bias = nn.Parameter(step_bias(ROUTES, inner))
        self.A_logs = nn.Parameter(decay_logs(ROUTES * inner, states))
        self.Ds = nn.Parameter(torch.ones(ROUTES * inner))
        self.multi_scan = routes
        self.out_norm = nn.LayerNorm(inner)
        self.out_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x_bhwc: Tensor) -> Tensor:
        """Mix the tokens of `x_bhwc` and return the same shape."""
        v_bhwd, gate_bhwd = self._project(x_bhwc)
        v_bdhw = functional.silu(self.conv2d(v_bhwd.permute(0, 3, 1, 2)))
        merged_bhwd: Tensor = self.multi_scan(v_bdhw, self._weights(), self.scan_backend)
        y_bhwd: Tensor = self.out_norm(merged_bhwd.to(self.out_norm.weight.dtype))
        if gate_bhwd is not None:
            y_bhwd = y_bhwd * functional.silu(gate_bhwd)
        out_bhwc: Tensor = self.out_proj(y_bhwd.to(x_bhwc.dtype))
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

"""Selective scan of a 2-D map along several routes (SS2D; VMamba, Liu et al. 2024, section 4.3).

The mixer is the same for VMamba and LocalVMamba; what differs is how the map is laid out as
sequences and gathered again, which is the job of a `ScanRoutes` module.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.nets.hierarchy import HierarchyConfig
from bench.nets.layers import widen
from bench.nets.ssm_init import decay_logs, linear_weight, step_bias, step_weight
from bench.ops.selective_scan import selective_scan

ROUTES = 4


class ScanRoutes(nn.Module, ABC):
    """How a map becomes four sequences and back, without or with weights."""

    @abstractmethod
    def unfold(self, v_bdhw: Tensor) -> Tensor:
        """Return the sequences (b, 4, d, steps); steps may exceed h * w where a route pads."""

    @abstractmethod
    def fold(self, y_bkds: Tensor, height: int, width: int) -> Tensor:
        """Return what the routes say about every token, merged: (b, d, h * w)."""


class CrossScan(ScanRoutes):
    """Rows, columns, rows backwards, columns backwards, in this order; merged by a plain sum."""

    def unfold(self, v_bdhw: Tensor) -> Tensor:
        """Return (b, 4, d, h * w)."""
        row_bdl = v_bdhw.flatten(2)
        column_bdl = v_bdhw.transpose(2, 3).flatten(2)
        ahead = torch.stack((row_bdl, column_bdl), dim=1)
        return torch.cat((ahead, ahead.flip(-1)), dim=1)

    def fold(self, y_bkds: Tensor, height: int, width: int) -> Tensor:
        """Return (b, d, h * w): every output added at the token that its step had read."""
        ahead = y_bkds[:, :2] + y_bkds[:, 2:].flip(-1)
        column_bdwh = ahead[:, 1].reshape(*ahead.shape[::2], width, height)
        return ahead[:, 0] + column_bdwh.transpose(2, 3).flatten(2)


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
        self.split = [rank, states, states]
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
        height, width = x_bhwc.shape[1:3]
        v_bhwd, gate_bhwd = self._project(x_bhwc)
        v_bdhw = functional.silu(self.conv2d(v_bhwd.permute(0, 3, 1, 2)))
        y_bkds = self.scan(self.multi_scan.unfold(v_bdhw))
        y_bdl = self.multi_scan.fold(y_bkds, height, width)
        y_bhwd: Tensor = self.out_norm(y_bdl.transpose(1, 2)).reshape(v_bhwd.shape)
        if gate_bhwd is not None:
            y_bhwd = y_bhwd * functional.silu(gate_bhwd)
        out_bhwc: Tensor = self.out_proj(y_bhwd.to(x_bhwc.dtype))
        return out_bhwc

    def scan(self, u_bkds: Tensor) -> Tensor:
        """Scan every route with its own weights: (b, k, d, steps) to the same shape."""
        p_bkrs, input_bkns, output_bkns = torch.split(
            torch.matmul(self.x_proj_weight, u_bkds), self.split, dim=2
        )
        delta_bkds = torch.matmul(self.dt_projs_weight, p_bkrs)
        y_bds = selective_scan(
            u_bkds.flatten(1, 2),
            delta_bkds.flatten(1, 2),
            A=-torch.exp(widen(self.A_logs)),
            B=input_bkns,
            C=output_bkns,
            D=widen(self.Ds),
            delta_bias=widen(self.dt_projs_bias).flatten(),
            delta_softplus=True,
            backend=self.scan_backend,
        )
        return y_bds.reshape(u_bkds.shape)

    def _project(self, x_bhwc: Tensor) -> tuple[Tensor, Tensor | None]:
        v: Tensor = self.in_proj(x_bhwc)
        if not self.gated:
            return v, None
        first, second = v.chunk(2, dim=-1)
        return first, second

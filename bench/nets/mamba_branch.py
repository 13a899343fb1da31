"""The Mamba branch on a token sequence, for several directions at once (Gu and Dao 2023, figure 3).

Vim and LocalVim keep separate weights per direction under names of their own; here the directions
are stacked, so that a block makes one convolution and one scan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bench.nets.layers import widen
from bench.nets.ssm_init import decay_logs, step_bias, step_weight
from bench.ops.route_conv import route_conv
from bench.ops.route_scan import Routes, RouteWeights, route_scan

TAPS = 4
STATES = 16


class BranchNames(NamedTuple):
    """Attribute names of one direction's weights in its mixer."""

    conv: str
    x_proj: str
    dt_proj: str
    decay_log: str
    skip: str


def add_branch(mixer: nn.Module, names: BranchNames, inner: int, rank: int) -> None:
    """Give `mixer` the weights of one direction, each with memory of its own."""
    step = nn.Linear(rank, inner)
    step.weight = nn.Parameter(step_weight(inner, rank))
    step.bias = nn.Parameter(step_bias(inner))
    mixer.add_module(names.conv, nn.Conv1d(inner, inner, TAPS, groups=inner, padding=TAPS - 1))
    mixer.add_module(names.x_proj, nn.Linear(inner, rank + 2 * STATES, bias=False))
    mixer.add_module(names.dt_proj, step)
    mixer.register_parameter(names.decay_log, nn.Parameter(decay_logs(inner, STATES)))
    mixer.register_parameter(names.skip, nn.Parameter(torch.ones(inner)))


class Branches(NamedTuple):
    """The weights of k directions, stacked (d inner width, r rank, n states)."""

    conv_weight_kdt: Tensor
    conv_bias_kd: Tensor
    scan: RouteWeights


def gather_branches(mixer: nn.Module, directions: Sequence[BranchNames]) -> Branches:
    """Return the weights that `add_branch` gave to `mixer`, stacked in the order of `directions`."""

    def all_of(attribute: str, leaf: str = "") -> list[Tensor]:
        paths = [getattr(names, attribute) + leaf for names in directions]
        return [mixer.get_parameter(path) for path in paths]

    return Branches(
        conv_weight_kdt=torch.stack(all_of("conv", ".weight")).squeeze(2),
        conv_bias_kd=torch.stack(all_of("conv", ".bias")),
        scan=RouteWeights(
            x_proj_kqd=torch.stack(all_of("x_proj", ".weight")),
            dt_proj_kdr=torch.stack(all_of("dt_proj", ".weight")),
            decay_en=-torch.exp(widen(torch.cat(all_of("decay_log")))),
            skip_e=widen(torch.cat(all_of("skip"))),
            bias_e=widen(torch.cat(all_of("dt_proj", ".bias"))),
        ),
    )


def scan_branches(u_bld: Tensor, routes: Routes, branches: Branches, scan_backend: str) -> Tensor:
    """Return what every direction gives every token, before the gate: (b, k, l, d).

    Causal depthwise convolution, SiLU, projection to step size, B and C, selective scan.
    """
    v_bksd = route_conv(u_bld, routes, branches.conv_weight_kdt, branches.conv_bias_kd, scan_backend)
    return route_scan(v_bksd, routes, branches.scan, scan_backend)


def step_rank(width: int) -> int:
    """Return the rank of the step-size projection of a model of this width."""
    return math.ceil(width / 16)

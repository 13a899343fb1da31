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
from torch.nn import functional

from bench.nets.layers import widen
from bench.nets.ssm_init import decay_logs, step_bias, step_weight
from bench.ops.selective_scan import selective_scan

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

    conv_weight: Tensor  # (k * d, 1, 4)
    conv_bias: Tensor  # (k * d,)
    x_proj: Tensor  # (k, r + 2n, d)
    dt_weight: Tensor  # (k, d, r)
    dt_bias: Tensor  # (k * d,)
    decay_log: Tensor  # (k * d, n)
    skip: Tensor  # (k * d,)


def gather_branches(mixer: nn.Module, directions: Sequence[BranchNames]) -> Branches:
    """Return the weights that `add_branch` gave to `mixer`, stacked in the order of `directions`."""

    def all_of(attribute: str, leaf: str = "") -> list[Tensor]:
        paths = [getattr(names, attribute) + leaf for names in directions]
        return [mixer.get_parameter(path) for path in paths]

    return Branches(
        conv_weight=torch.cat(all_of("conv", ".weight")),
        conv_bias=torch.cat(all_of("conv", ".bias")),
        x_proj=torch.stack(all_of("x_proj", ".weight")),
        dt_weight=torch.stack(all_of("dt_proj", ".weight")),
        dt_bias=torch.cat(all_of("dt_proj", ".bias")),
        decay_log=torch.cat(all_of("decay_log")),
        skip=torch.cat(all_of("skip")),
    )


def scan_branches(u_bkdl: Tensor, branches: Branches, scan_backend: str) -> Tensor:
    """Return the scanned sequences, before the gate, in the shape of `u_bkdl`.

    Causal depthwise convolution, SiLU, projection to step size, B and C, selective scan.
    """
    routes, inner = u_bkdl.shape[1:3]
    rank = branches.dt_weight.shape[-1]
    padded = functional.pad(u_bkdl.flatten(1, 2), (TAPS - 1, 0))
    v_bdl = functional.silu(
        functional.conv1d(padded, branches.conv_weight, branches.conv_bias, groups=routes * inner)
    )
    p_bkrl, input_bknl, output_bknl = torch.split(
        torch.matmul(branches.x_proj, v_bdl.reshape(u_bkdl.shape)), [rank, STATES, STATES], dim=2
    )
    delta_bkdl = torch.matmul(branches.dt_weight, p_bkrl)
    y_bdl = selective_scan(
        v_bdl,
        delta_bkdl.flatten(1, 2),
        A=-torch.exp(widen(branches.decay_log)),
        B=input_bknl,
        C=output_bknl,
        D=widen(branches.skip),
        delta_bias=widen(branches.dt_bias),
        delta_softplus=True,
        backend=scan_backend,
    )
    return y_bdl.reshape(u_bkdl.shape)


def step_rank(width: int) -> int:
    """Return the rank of the step-size projection of a model of this width."""
    return math.ceil(width / 16)

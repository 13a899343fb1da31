"""Operands of a scan along routes and what must hold among them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from bench.ops.fusing import wide_dtype


class Routes(NamedTuple):
    """The ways of k routes over l tokens in s steps, as int32 tables on the device of the tokens.

    Attributes:
        read_ks: the token that each step reads, -1 for a pad.
        write_ks: the token that gets the output of each step, -1 for none. Every token occurs once.
        back_kl: the step whose output each token gets: `write_ks` the other way round.
        pads: whether any step reads a pad.
        origin_kl: the token that was read at that step; None where it is the token itself, always.

    """

    read_ks: Tensor
    write_ks: Tensor
    back_kl: Tensor
    pads: bool = False
    origin_kl: Tensor | None = None


class RouteWeights(NamedTuple):
    """Weights of k routes: r step features, n states, channel i of route k at row k * d + i.

    Attributes:
        x_proj_kqd: (k, r + 2n, d), rows in the order step features, input weights, output weights.
        dt_proj_kdr: (k, d, r).
        decay_en: decay rates A (k * d, n), real and negative.
        skip_e: skip weights D (k * d,).
        bias_e: added to the step sizes before softplus, (k * d,).

    """

    x_proj_kqd: Tensor
    dt_proj_kdr: Tensor
    decay_en: Tensor
    skip_e: Tensor
    bias_e: Tensor

    @property
    def split(self) -> list[int]:
        """Rows of `x_proj_kqd` for step features, input weights and output weights."""
        states = self.decay_en.shape[1]
        return [self.dt_proj_kdr.shape[2], states, states]


class RouteInputs(NamedTuple):
    """Checked operands of `bench.ops.route_scan.route_scan`."""

    x: Tensor
    routes: Routes
    weights: RouteWeights

    @property
    def in_order(self) -> bool:
        """Whether `x` holds a sequence per route, (b, k, s, d), and not the tokens once, (b, l, d)."""
        return self.x.dim() == 4

    @property
    def state_dtype(self) -> torch.dtype:
        """Dtype of the states and of all sums."""
        return wide_dtype(self.x.dtype)


def check_route_inputs(x: Tensor, routes: Routes, weights: RouteWeights) -> RouteInputs:
    """Return the operands together, or raise ValueError naming the first that does not fit."""
    count, steps = routes.read_ks.shape
    tokens = routes.back_kl.shape[1]
    if x.dim() not in (3, 4):
        raise ValueError(f"x must be (b, l, d) or (b, k, s, d), not of shape {tuple(x.shape)}")
    inputs, batch, width = RouteInputs(x, routes, weights), x.shape[0], x.shape[-1]
    states, rank = weights.decay_en.shape[1], weights.dt_proj_kdr.shape[2]
    shapes = (
        ("x", x.shape, (batch, count, steps, width) if x.dim() == 4 else (batch, tokens, width)),
        ("write", routes.write_ks.shape, (count, steps)),
        ("back", routes.back_kl.shape, (count, tokens)),
        ("x_proj", weights.x_proj_kqd.shape, (count, rank + 2 * states, width)),
        ("dt_proj", weights.dt_proj_kdr.shape, (count, width, rank)),
        ("A", weights.decay_en.shape, (count * width, states)),
        ("D", weights.skip_e.shape, (count * width,)),
        ("dt_bias", weights.bias_e.shape, (count * width,)),
    )
    for name, found, wanted in shapes:
        if tuple(found) != wanted:
            raise ValueError(f"{name} must have shape {wanted}, not {tuple(found)}")
    return inputs

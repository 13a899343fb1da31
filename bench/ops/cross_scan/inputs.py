"""Operands of a cross scan and what must hold among them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

ROUTES = 4


class CrossInputs(NamedTuple):
    """Checked operands; k routes, r step features, n states, channels of route k from k * d on."""

    x_bhwd: Tensor
    x_proj_kpd: Tensor
    dt_proj_kdr: Tensor
    decay_en: Tensor
    skip_e: Tensor
    bias_e: Tensor

    @property
    def split(self) -> tuple[int, int, int]:
        """Rows of `x_proj` for step features, input weights and output weights."""
        states = self.decay_en.shape[1]
        return self.dt_proj_kdr.shape[2], states, states

    @property
    def sum_dtype(self) -> torch.dtype:
        """Dtype of the states and of the sum over routes."""
        return torch.float64 if self.x_bhwd.dtype == torch.float64 else torch.float32


def check_cross_inputs(inputs: CrossInputs) -> CrossInputs:
    """Return `inputs`, or raise ValueError naming the first operand that does not fit."""
    for name, operand, axes in (
        ("x", inputs.x_bhwd, 4),
        ("dt_proj", inputs.dt_proj_kdr, 3),
        ("A", inputs.decay_en, 2),
    ):
        if operand.dim() != axes:
            raise ValueError(f"{name} must have {axes} dimensions, not shape {tuple(operand.shape)}")
    width, (rank, states, _) = inputs.x_bhwd.shape[-1], inputs.split
    wanted = {
        "x_proj": (inputs.x_proj_kpd, (ROUTES, rank + 2 * states, width)),
        "dt_proj": (inputs.dt_proj_kdr, (ROUTES, width, rank)),
        "A": (inputs.decay_en, (ROUTES * width, states)),
        "D": (inputs.skip_e, (ROUTES * width,)),
        "dt_bias": (inputs.bias_e, (ROUTES * width,)),
    }
    for name, (operand, shape) in wanted.items():
        if tuple(operand.shape) != shape:
            raise ValueError(f"{name} must have shape {shape}, not {tuple(operand.shape)}")
    return inputs

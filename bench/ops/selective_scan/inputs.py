"""Operands of a selective scan and what must hold among them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class ScanInputs(NamedTuple):
    """Checked operands; b batch, d channels, g groups, n states, l tokens."""

    u_bdl: Tensor
    delta_bdl: Tensor
    decay_dn: Tensor
    input_bgnl: Tensor
    output_bgnl: Tensor
    skip_d: Tensor | None
    bias_d: Tensor | None
    softplus: bool

    @property
    def state_dtype(self) -> torch.dtype:
        """Dtype of the state and of all sums: float64 for float64 tokens, else float32."""
        return torch.float64 if self.u_bdl.dtype == torch.float64 else torch.float32


def check_inputs(  # noqa: PLR0913, PLR0917 -- one per operand
    u_bdl: Tensor,
    delta_bdl: Tensor,
    decay_dn: Tensor,
    input_bgnl: Tensor,
    output_bgnl: Tensor,
    skip_d: Tensor | None,
    bias_d: Tensor | None,
    softplus: bool,
) -> ScanInputs:
    """Return the operands together, or raise ValueError naming the first that does not fit."""
    if u_bdl.dim() != 3:
        raise ValueError(f"u must have 3 dimensions (b, d, l), not shape {tuple(u_bdl.shape)}")
    if decay_dn.dim() != 2:
        raise ValueError(f"A must have 2 dimensions (d, n), not shape {tuple(decay_dn.shape)}")
    if input_bgnl.dim() != 4:
        raise ValueError(f"B must have 4 dimensions (b, g, n, l), not shape {tuple(input_bgnl.shape)}")
    batch, channels, tokens = u_bdl.shape
    groups, states = input_bgnl.shape[1], decay_dn.shape[1]
    if 0 in (batch, channels, tokens, groups, states):
        raise ValueError("every dimension of u, A and B must be at least 1")
    if channels % groups:
        raise ValueError(f"the {channels} channels of u are not a multiple of the {groups} groups of B")
    wanted = {
        "delta": (delta_bdl, (batch, channels, tokens)),
        "A": (decay_dn, (channels, states)),
        "B": (input_bgnl, (batch, groups, states, tokens)),
        "C": (output_bgnl, (batch, groups, states, tokens)),
        "D": (skip_d, (channels,)),
        "delta_bias": (bias_d, (channels,)),
    }
    for name, (operand, shape) in wanted.items():
        if operand is not None:
            _check_operand(name, operand, shape, u_bdl)
    if not u_bdl.is_floating_point():
        raise ValueError(f"u must be real floating point, not {u_bdl.dtype}")
    return ScanInputs(u_bdl, delta_bdl, decay_dn, input_bgnl, output_bgnl, skip_d, bias_d, softplus)


def _check_operand(name: str, operand: Tensor, shape: tuple[int, ...], u_bdl: Tensor) -> None:
    if tuple(operand.shape) != shape:
        raise ValueError(f"{name} must have shape {shape}, not {tuple(operand.shape)}")
    if operand.device != u_bdl.device:
        raise ValueError(f"{name} is on {operand.device}, but u is on {u_bdl.device}")
    if not operand.is_floating_point():
        raise ValueError(f"{name} must be real floating point, not {operand.dtype}")

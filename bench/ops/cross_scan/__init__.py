"""Selective scan of a map along four routes, merged: the core of VMamba's SS2D as one operator."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.ops.cross_scan.composed import composed_scan
from bench.ops.cross_scan.inputs import CrossInputs, check_cross_inputs
from bench.ops.selective_scan import resolve_backend

__all__ = ["cross_selective_scan"]


def cross_selective_scan(  # noqa: PLR0913, PLR0917 -- the operator has seven operands
    x_bhwd: Tensor,
    x_proj: Tensor,
    dt_proj: Tensor,
    A: Tensor,  # noqa: N803 -- the papers' names
    D: Tensor,  # noqa: N803
    dt_bias: Tensor,
    backend: str = "auto",
) -> Tensor:
    """Scan a map along its rows, its columns and both backwards, and add up what they give per token.

    Route k projects the tokens to r step features, n input and n output weights by `x_proj[k]`, makes
    step sizes softplus(dt_proj[k] features + bias) and scans with its own A, D and bias, as
    `bench.ops.selective_scan` defines it (VMamba, Liu et al. 2024, section 4.3).

    Args:
        x_bhwd: map (b, h, w, d), channels last.
        x_proj: (4, r + 2n, d), rows in the order step features, input weights, output weights.
        dt_proj: (4, d, r).
        A: decay rates (4d, n), real and negative, row k * d + i for channel i of route k.
        D: skip weights (4d,).
        dt_bias: (4d,), added before softplus.
        backend: a backend of the selective scan. "triton" reads the map along its routes without copies
            of it; the other backends, and calls that record gradients, lay out four sequences.

    Returns:
        The sum over the routes (b, h, w, d), in float32, or float64 for a float64 map.

    Raises:
        ValueError: shapes do not fit, or the backend is unknown or cannot run here.

    """
    inputs = check_cross_inputs(CrossInputs(x_bhwd, x_proj, dt_proj, A, D, dt_bias))
    name = resolve_backend(backend, x_bhwd)
    recorded = torch.is_grad_enabled() and any(operand.requires_grad for operand in inputs)
    if name != "triton" or recorded:
        return composed_scan(inputs, name)
    from bench.ops.cross_scan.fused import fused_scan  # noqa: PLC0415 -- Triton may be absent

    return fused_scan(inputs)

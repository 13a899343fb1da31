"""Layer norm and the norm of a growing residual stream, each as one pass over memory on CUDA."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from bench.ops.fusing import fuses, wide_dtype
from bench.ops.norm.composed import composed_add_norm
from bench.ops.norm.inputs import StreamNorm

__all__ = ["StreamNorm", "add_norm", "layer_norm"]


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float, dtype: torch.dtype) -> Tensor:
    """Normalise `x` (..., c) over its channels, in float32 at least, and return it in `dtype`.

    Rounding once to the dtype of the layer that follows saves a pass over float32 values, which
    autocast would make and convert again.
    """
    if fuses("auto", x, weight, bias):
        from bench.ops.norm.fused import fused_layer_norm  # noqa: PLC0415 -- Triton may be absent

        normed: Tensor = fused_layer_norm(x, weight, bias, eps, dtype)
        return normed
    wide = wide_dtype(x.dtype)
    normed = functional.layer_norm(x.to(wide), x.shape[-1:], weight.to(wide), bias.to(wide), eps)
    return normed.to(dtype)


def add_norm(
    h_blc: Tensor, r_blc: Tensor | None, norm: StreamNorm, rotation: tuple[Tensor, Tensor] | None = None
) -> tuple[Tensor, Tensor]:
    """Add a branch to the residual stream and normalise the sum, as Vim's blocks begin.

    Args:
        h_blc: output of the branch (b, l, c).
        r_blc: the stream so far (b, l, c), in float32 at least; None before the first block.
        norm: RMS norm or layer norm over the channels.
        rotation: cosine and sine (l, c) by which pairs of neighbouring channels of both are turned first.

    Returns:
        The stream in float32 at least, and its norm in the dtype of `h_blc`.

    """
    if fuses("auto", h_blc, r_blc, norm.weight):
        from bench.ops.norm.fused import fused_add_norm  # noqa: PLC0415

        return fused_add_norm(h_blc, r_blc, norm, rotation)
    return composed_add_norm(h_blc, r_blc, norm, rotation)

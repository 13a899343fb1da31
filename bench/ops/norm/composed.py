"""The norm of a residual stream from plain operations; differentiable."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from bench.ops.fusing import wide_dtype
from bench.ops.norm.inputs import StreamNorm


def composed_add_norm(
    h_blc: Tensor,
    r_blc: Tensor | None,
    norm: StreamNorm,
    rotation: tuple[Tensor, Tensor] | None,
) -> tuple[Tensor, Tensor]:
    """Return the stream and its norm, see `bench.ops.norm.add_norm`."""
    wide = wide_dtype(h_blc.dtype)
    total_blc = h_blc.to(wide) if r_blc is None else r_blc + h_blc
    if rotation is not None:
        total_blc = rotate(total_blc, *rotation)
    shape, scale = total_blc.shape[-1:], norm.weight.to(wide)
    if norm.bias is None:
        normed_blc = functional.rms_norm(total_blc, shape, scale, norm.eps)
    else:
        normed_blc = functional.layer_norm(total_blc, shape, scale, norm.bias.to(wide), norm.eps)
    return total_blc, normed_blc.to(h_blc.dtype)


def rotate(x_blc: Tensor, cos_lc: Tensor, sin_lc: Tensor) -> Tensor:
    """Return every pair of neighbouring channels turned by its token's angle, in the dtype of `x_blc`."""
    turned = torch.stack((-x_blc[..., 1::2], x_blc[..., ::2]), dim=-1).flatten(-2)
    return (x_blc * cos_lc + turned * sin_lc).to(x_blc.dtype)

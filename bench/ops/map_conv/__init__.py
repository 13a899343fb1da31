"""Depthwise 3x3 convolution and SiLU on a channels-last map: how the mixers of VMamba begin."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from bench.ops.fusing import fuses

__all__ = ["map_conv"]


def map_conv(x_bhwd: Tensor, weight: Tensor, bias: Tensor | None, backend: str = "auto") -> Tensor:
    """Return SiLU of a depthwise 3x3 convolution with a border of zeros.

    Args:
        x_bhwd: map (b, h, w, d), channels last; rows of channels may lie apart in memory.
        weight: (d, 1, 3, 3).
        bias: (d,) or None.
        backend: a backend of the selective scan; "triton" makes one pass of it.

    Returns:
        (b, h, w, d), contiguous, in the dtype of `x_bhwd`.

    """
    if fuses(backend, x_bhwd, weight, bias):
        from bench.ops.map_conv.fused import fused_conv  # noqa: PLC0415 -- Triton may be absent

        return fused_conv(x_bhwd, weight, bias)
    x_bdhw = x_bhwd.permute(0, 3, 1, 2)
    shift = None if bias is None else bias.to(x_bhwd.dtype)
    y_bdhw = functional.conv2d(x_bdhw, weight.to(x_bhwd.dtype), shift, padding=1, groups=len(weight))
    return functional.silu(y_bdhw).permute(0, 2, 3, 1).contiguous()

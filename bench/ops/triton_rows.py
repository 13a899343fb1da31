# ruff: noqa: N803 -- switches of a kernel are written in capitals
# mypy: disable-error-code="untyped-decorator"
"""What the kernels on rows of channels share: block sizes, SiLU, layer norm statistics."""

from __future__ import annotations

from typing import Any

import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor

from bench.ops.fusing import wide_dtype

# Elements of a block of four warps: sixteen a thread, so that loads are wide and registers suffice.
_BLOCK_ELEMENTS = 2048


def row_block(width: int) -> tuple[int, int]:
    """Return (rows, padded width) of one program's block on rows of `width` channels."""
    padded = triton.next_power_of_2(width)
    return max(1, _BLOCK_ELEMENTS // padded), padded


def real_of(x: Tensor) -> Any:
    """Return Triton's name for the dtype that sums over `x` are made in."""
    return tl.float64 if wide_dtype(x.dtype) == torch.float64 else tl.float32


def last_axis_dense(x: Tensor) -> Tensor:
    """Return `x` itself where its last axis has no gaps, else a contiguous copy."""
    return x if x.stride(-1) == 1 else x.contiguous()


@triton.jit
def silu(x: tl.tensor) -> tl.tensor:
    """Return x / (1 + e^-x)."""
    return x / (1.0 + tl.exp(-x))


@triton.jit
def standardise(x: tl.tensor, mask: tl.tensor, width: tl.tensor, EPS: tl.constexpr) -> tl.tensor:
    """Return every row of `x` less its mean, over its standard deviation; 0 off the mask."""
    mean = tl.sum(x, 1) / width
    centred = tl.where(mask, x - mean[:, None], 0.0)
    variance = tl.sum(centred * centred, 1) / width
    return centred * (1.0 / tl.sqrt(variance + EPS))[:, None]

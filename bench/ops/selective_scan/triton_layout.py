# ruff: noqa: N803, PLR0913, PLR0917 -- a kernel takes one argument per tensor, stride and switch
# mypy: disable-error-code="untyped-decorator"
"""Bring rows of tokens into the order that a walk over the tokens reads without gaps."""

from __future__ import annotations

import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor

_TILE = 64


@triton.jit
def swap_kernel(
    rows: tl.tensor,
    columns: tl.tensor,
    batch_step: tl.tensor,
    row_step: tl.tensor,
    token_step: tl.tensor,
    count: tl.tensor,
    tokens: tl.tensor,
    TILE: tl.constexpr,
) -> None:
    """Copy (b, count, tokens) of any strides to contiguous (b, tokens, count), one tile per program."""
    batch = tl.program_id(2).to(tl.int64)
    row = tl.program_id(1) * TILE + tl.arange(0, TILE)
    token = tl.program_id(0) * TILE + tl.arange(0, TILE)
    source = rows + batch * batch_step + row[:, None] * row_step + token[None, :] * token_step
    tile = tl.load(source, (row[:, None] < count) & (token[None, :] < tokens), other=0.0)
    target = columns + batch * tokens * count + token[:, None] * count + row[None, :]
    value = tl.trans(tile).to(columns.dtype.element_ty)
    tl.store(target, value, (token[:, None] < tokens) & (row[None, :] < count))


def tokens_before_rows(x_brl: Tensor, dtype: torch.dtype) -> Tensor:
    """Return `x_brl` as a (b, r, l) view of (b, l, r) memory in `dtype`, copied unless it is that already."""
    if x_brl.stride(1) == 1 and x_brl.dtype == dtype:
        return x_brl
    batch, count, tokens = x_brl.shape
    columns = torch.empty((batch, tokens, count), dtype=dtype, device=x_brl.device)
    grid = (triton.cdiv(tokens, _TILE), triton.cdiv(count, _TILE), batch)
    swap_kernel[grid](x_brl, columns, *x_brl.stride(), count, tokens, TILE=_TILE)
    return columns.transpose(1, 2)

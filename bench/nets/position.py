"""Tables that belong to a token grid: learned positions and rotary angles, and their resizing."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.nets.layers import widen

Grid = tuple[int, int]
REFERENCE_SIDE = 14
"""Rotary positions are scaled so that every grid spans as much as 14x14 tokens."""


def resize_rows(table: Tensor, old: Grid, new: Grid) -> Tensor:
    """Return `table` (..., rows, c), whose rows are the tokens of grid `old`, for grid `new`.

    Bicubic, corners not aligned, no antialiasing: the resize of the Vim and LocalVim code.
    """
    if old == new:
        return table
    lead = table.shape[:-2]
    map_bchw = widen(table).reshape(-1, *old, table.shape[-1]).permute(0, 3, 1, 2)
    resized = functional.interpolate(map_bchw, size=new, mode="bicubic", align_corners=False)
    return resized.flatten(2).transpose(1, 2).reshape(*lead, new[0] * new[1], -1).to(table.dtype)


def rotary_angles(grid: Grid, width: int) -> Tensor:
    """Return the rotation angle of every token and channel, (rows * columns, width), float32.

    The first half of the channels turns with the row, the second with the column; neighbours share
    an angle. Frequencies are 10000^(-2i / (width / 2)) (EVA-02, Fang et al. 2023, as in Vim).
    """
    half = width // 2
    frequency = 10000.0 ** (-torch.arange(0, half, 2).float() / half)  # (width / 4,)
    row, column = (
        torch.outer(torch.arange(side).float() / side * REFERENCE_SIDE, frequency).repeat_interleave(2, dim=1)
        for side in grid
    )  # each (side, width / 2)
    rows, columns = grid
    both = (row[:, None].expand(rows, columns, half), column[None].expand(rows, columns, half))
    return torch.cat(both, dim=-1).reshape(rows * columns, width)


class Rotary(nn.Module):
    """Cosine and sine tables, stored because the published files hold them."""

    freqs_cos: Tensor
    freqs_sin: Tensor

    def __init__(self, grid: Grid, width: int) -> None:
        super().__init__()
        angles = rotary_angles(grid, width)
        self.register_buffer("freqs_cos", angles.cos())
        self.register_buffer("freqs_sin", angles.sin())

    def tables(self, old: Grid, new: Grid) -> tuple[Tensor, Tensor]:
        """Return both tables for grid `new`: resized, not computed anew, as in the LocalVim code."""
        return resize_rows(self.freqs_cos, old, new), resize_rows(self.freqs_sin, old, new)

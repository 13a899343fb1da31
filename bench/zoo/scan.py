"""How the selective scan of a network runs, for the record."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor

from bench.ops.selective_scan import resolve_backend
from bench.spec.card import ModelCard
from bench.spec.cell import Cell
from bench.spec.errors import Unsupported


class _On(NamedTuple):
    """What the look-up reads of a tensor; a real one on a GPU would start CUDA, which memory must not see."""

    is_cuda: bool
    device: torch.device


def scan_backend(card: ModelCard, cell: Cell, device: str) -> str | None:
    """Return what computes the scans of a cell on a device of torch, never "auto"; None without scans.

    Complexity is counted on the CPU, whatever the device. Raises `Unsupported` for a backend that
    cannot run there.
    """
    if "scan_backend" not in card.options:
        return None
    where = torch.device("cpu" if cell.portable else device)
    try:
        return resolve_backend(cell.scan_backend, cast(Tensor, _On(where.type == "cuda", where)))
    except ValueError as error:
        raise Unsupported(str(error)) from error


def true_inverse(card: ModelCard, cell: Cell) -> bool | None:
    """Say whether the correct inverse of the routes was used; None for networks without the choice."""
    return cell.true_inverse if "true_inverse" in card.options else None

"""Operands that do not fit are refused with the operand's name and what it should have been."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor

from bench.ops.selective_scan import selective_scan

FITTING = {"u": (2, 6, 5), "delta": (2, 6, 5), "A": (6, 3), "B": (2, 2, 3, 5), "C": (2, 2, 3, 5)}


def scan(**tensors: Tensor) -> None:
    u, delta, a, b, c = (tensors[name] for name in FITTING)
    selective_scan(u, delta, a, b, c, tensors.get("D"), tensors.get("delta_bias"))


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("u", (6, 5), "u must have 3 dimensions (b, d, l), not shape (6, 5)"),
        ("A", (6,), "A must have 2 dimensions (d, n), not shape (6,)"),
        ("B", (2, 3, 5), "B must have 4 dimensions (b, g, n, l), not shape (2, 3, 5)"),
        ("delta", (2, 6, 4), "delta must have shape (2, 6, 5), not (2, 6, 4)"),
        ("A", (5, 3), "A must have shape (6, 3), not (5, 3)"),
        ("B", (2, 4, 3, 5), "the 6 channels of u are not a multiple of the 4 groups of B"),
        ("B", (1, 2, 3, 5), "B must have shape (2, 2, 3, 5), not (1, 2, 3, 5)"),
        ("C", (2, 2, 4, 5), "C must have shape (2, 2, 3, 5), not (2, 2, 4, 5)"),
        ("D", (5,), "D must have shape (6,), not (5,)"),
        ("delta_bias", (6, 1), "delta_bias must have shape (6,), not (6, 1)"),
        ("B", (2, 0, 3, 5), "every dimension of u, A and B must be at least 1"),
    ],
)
def test_shape(name: str, shape: tuple[int, ...], message: str) -> None:
    tensors = {key: torch.ones(size) for key, size in {**FITTING, name: shape}.items()}
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        scan(**tensors)


def test_dtype_and_device() -> None:
    tensors = {key: torch.ones(size) for key, size in FITTING.items()}
    with pytest.raises(ValueError, match=r"^A must be real floating point, not torch\.complex64$"):
        scan(**{**tensors, "A": tensors["A"].to(torch.complex64)})
    with pytest.raises(ValueError, match=r"^C is on meta, but u is on cpu$"):
        scan(**{**tensors, "C": tensors["C"].to("meta")})
    with pytest.raises(ValueError, match=r"^u must be real floating point, not torch\.int64$"):
        scan(**{**tensors, "u": tensors["u"].long()})

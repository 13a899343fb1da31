"""Torch's global switches that can move a speed figure or a result: set, and read back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from pydantic import JsonValue

from bench.spec.cell import Precision
from bench.spec.protocol import Protocol


def apply(protocol: Protocol, precision: Precision) -> None:
    """Set TF32 and cuDNN's choices as the protocol says for this precision."""
    matmul, cudnn = protocol.tf32_flags(precision)
    torch.backends.cuda.matmul.fp32_precision = "tf32" if matmul else "ieee"
    _cudnn_conv().fp32_precision = "tf32" if cudnn else "ieee"
    torch.backends.cudnn.benchmark = protocol.cudnn_benchmark
    torch.backends.cudnn.deterministic = protocol.cudnn_deterministic


def read_back() -> dict[str, JsonValue]:
    """Return the switches as torch holds them now."""
    return {
        "tf32_matmul": torch.backends.cuda.matmul.fp32_precision == "tf32",
        "tf32_cudnn": _cudnn_conv().fp32_precision == "tf32",
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
    }


@contextmanager
def plain_fp32() -> Iterator[None]:
    """Compute in fp32 without TF32, and without cuDNN's search, while the block runs."""
    matmul, conv = torch.backends.cuda.matmul, _cudnn_conv()
    before = matmul.fp32_precision, conv.fp32_precision, torch.backends.cudnn.benchmark
    matmul.fp32_precision = conv.fp32_precision = "ieee"
    # a search for the best algorithm pays off over many steps, not over one
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        matmul.fp32_precision, conv.fp32_precision, torch.backends.cudnn.benchmark = before


def _cudnn_conv() -> Any:
    # made when torch is imported, so the type checker does not see it
    return getattr(torch.backends.cudnn, "conv")  # noqa: B009

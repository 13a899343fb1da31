"""When a fused kernel may take a call, and the dtype that it should give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from bench.ops.selective_scan import resolve_backend

Function = TypeVar("Function", bound=Callable[..., Any])


def opaque(function: Function) -> Function:
    """Make a compiler call `function` as it is: launches of our kernels are not for tracing."""
    return cast(Function, torch.compiler.disable(function))


def fuses(backend: str, *operands: Tensor | None) -> bool:
    """Say whether `backend` stands for Triton with these operands and no gradient is recorded.

    Fused kernels have no backward pass: while training, the plain operations run. Raises ValueError
    as `resolve_backend` does.
    """
    given = [operand for operand in operands if operand is not None]
    recorded = torch.is_grad_enabled() and any(operand.requires_grad for operand in given)
    return resolve_backend(backend, given[0]) == "triton" and not recorded


def autocast_on(x: Tensor) -> bool:
    """Say whether autocast is on for the device of `x`; some devices, such as "meta", know none."""
    kind = x.device.type
    return torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)


def working_dtype(x: Tensor) -> torch.dtype:
    """Return the dtype that matrix products on `x` have: that of autocast where it is on, else its own."""
    return torch.get_autocast_dtype(x.device.type) if autocast_on(x) else x.dtype


def wide_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return the dtype of sums over values of `dtype`: float64 for float64, else float32."""
    return torch.float64 if dtype == torch.float64 else torch.float32

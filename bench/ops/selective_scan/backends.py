"""Names of the backends, which of them can run, and where their code is."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import cast

from torch import Tensor

from bench.ops.selective_scan.inputs import ScanInputs

_SOURCES = {
    "reference": "bench.ops.selective_scan.reference:reference_scan",
    "torch": "bench.ops.selective_scan.chunked:chunked_scan",
    "triton": "bench.ops.selective_scan.triton:triton_scan",
    "mamba_ssm": "bench.ops.selective_scan.official:official_scan",
}

BACKENDS = tuple(_SOURCES)
"""Names that `selective_scan` takes, besides "auto"."""

# Looked up once: a compiler that traces a network cannot follow the look-up.
_INSTALLED = {package: find_spec(package) is not None for package in ("triton", "mamba_ssm")}


def resolve_backend(name: str, tensor: Tensor) -> str:
    """Return the backend that `name` stands for with operands on the device of `tensor`.

    "auto" is `triton` for a CUDA tensor where Triton is installed, else `torch`; record the result
    beside every figure. Raises ValueError for an unknown name or one that cannot run here.
    """
    if name == "auto":
        return "triton" if tensor.is_cuda and _INSTALLED["triton"] else "torch"
    if name not in _SOURCES:
        raise ValueError(f"unknown scan backend {name!r}; allowed: auto, {', '.join(BACKENDS)}")
    if not _INSTALLED.get(name, True):
        raise ValueError(
            f"scan backend {name!r} needs the package {name}, which is not installed; use 'torch'"
        )
    interpreted = name == "triton" and os.environ.get("TRITON_INTERPRET") == "1"
    if name in ("triton", "mamba_ssm") and not tensor.is_cuda and not interpreted:
        raise ValueError(
            f"scan backend {name!r} needs a CUDA tensor, not one on {tensor.device}; use 'torch'"
        )
    return name


def implementation(name: str) -> Callable[[ScanInputs], Tensor]:
    """Return the function behind a name of `BACKENDS`, importing it now."""
    module, _, attribute = _SOURCES[name].partition(":")
    return cast(Callable[[ScanInputs], Tensor], getattr(import_module(module), attribute))

"""From an exception in a worker to the failure a record keeps."""

from __future__ import annotations

import re

import torch

from bench.spec.errors import CellError
from bench.spec.record import Failed

# oneDNN, cuBLAS and cuDNN report a failed allocation as a plain RuntimeError
OUT_OF_MEMORY = re.compile(r"out of memory|CUBLAS_STATUS_ALLOC_FAILED|can't allocate memory", re.IGNORECASE)


def classify(error: BaseException) -> Failed:
    """Return the failure that an exception stands for; its message is for the user."""
    if isinstance(error, CellError):
        return Failed(reason=error.kind, message=str(error))
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or _says_out_of_memory(error):
        return Failed(reason="out_of_memory", message=_memory_message(error))
    first_line = str(error).strip().partition("\n")[0]
    return Failed(reason="error", message=f"{type(error).__name__}: {first_line}")


def _says_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, RuntimeError) and OUT_OF_MEMORY.search(str(error)) is not None


def _memory_message(error: BaseException) -> str:
    tried = re.search(r"[Tt]ried to allocate ([\d.]+ [KMGT]i?B)", str(error))
    wanted = f" while asking for {tried[1]}" if tried else ""
    peak = _peak()
    return f"out of memory{wanted}{peak}; lower `batch` for this model, or use `batch: max`"


def _peak() -> str:
    if not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return ""
    total = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
    return f" (peak {torch.cuda.max_memory_allocated() / 2**30:.1f} of {total / 2**30:.1f} GiB)"

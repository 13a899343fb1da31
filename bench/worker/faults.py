"""From an exception in a worker to the failure a record keeps."""

from __future__ import annotations

import re

import torch
from pydantic import JsonValue

from bench.spec.errors import CellError
from bench.spec.job import Job
from bench.spec.record import Failed
from bench.worker.remedy import remedy

# oneDNN, cuBLAS and cuDNN report a failed allocation as a plain RuntimeError
OUT_OF_MEMORY = re.compile(r"out of memory|CUBLAS_STATUS_ALLOC_FAILED|can't allocate memory", re.IGNORECASE)
GIB = 2**30


def classify(error: BaseException, job: Job) -> Failed:
    """Return the failure that an exception in a job stands for; its message is for the user."""
    if isinstance(error, CellError):
        return Failed(reason=error.kind, message=str(error))
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or _says_out_of_memory(error):
        return _out_of_memory(error, job)
    first_line = str(error).strip().partition("\n")[0]
    what = f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__
    return Failed(reason="error", message=what)


def _says_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, RuntimeError) and OUT_OF_MEMORY.search(str(error)) is not None


def _out_of_memory(error: BaseException, job: Job) -> Failed:
    tried = re.search(r"[Tt]ried to allocate ([\d.]+ (?:[KMGT]i?B|bytes))", str(error))
    wanted = f" while asking for {tried[1]}" if tried else ""
    numbers = _gpu_numbers()
    peak = ""
    if numbers:
        used, total = numbers["peak_allocated_bytes"], numbers["gpu_memory_bytes"]
        peak = f" (peak {used / GIB:.1f} of {total / GIB:.1f} GiB)"
    message = f"out of memory{wanted}{peak}; {remedy(job)}"
    return Failed(reason="out_of_memory", message=message, details=dict[str, JsonValue](numbers))


def _gpu_numbers() -> dict[str, int]:
    if not torch.cuda.is_initialized():
        return {}
    device = torch.cuda.current_device()
    return {
        "peak_allocated_bytes": torch.cuda.max_memory_allocated(device),
        "peak_reserved_bytes": torch.cuda.max_memory_reserved(device),
        "gpu_memory_bytes": torch.cuda.get_device_properties(device).total_memory,
    }

"""Every way a cell can end badly has one kind, and a message for the user."""

import pytest
import torch

from bench.spec import errors
from bench.spec.errors import CellError
from bench.worker import faults
from bench.worker.faults import classify

REMEDY = "; lower `batch` for this model, or use `batch: max`"
CUDA_TEXT = (
    "CUDA out of memory. Tried to allocate 147.00 GiB. GPU 0 has a total capacity of 79.18 GiB of which "
    "78.50 GiB is free.\nSee documentation"
)
CPU_TEXT = (
    "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: "
    "you tried to allocate 4000000000000 bytes. Error code 12 (Cannot allocate memory)"
)


@pytest.mark.parametrize(
    "kind", [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, CellError)]
)
def test_errors_of_the_bench_keep_their_kind_and_text(kind: type[CellError]) -> None:
    failed = classify(kind("the message"))
    assert (failed.reason, failed.message) == (kind.kind, "the message")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (torch.OutOfMemoryError(CUDA_TEXT), f"out of memory while asking for 147.00 GiB{REMEDY}"),
        (RuntimeError(CPU_TEXT), f"out of memory while asking for 4000000000000 bytes{REMEDY}"),
        (MemoryError(), f"out of memory{REMEDY}"),
        (RuntimeError("CUDA error: out of memory"), f"out of memory{REMEDY}"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), f"out of memory{REMEDY}"),
    ],
)
def test_out_of_memory(error: Exception, message: str) -> None:
    failed = classify(error)
    assert (failed.reason, failed.message, failed.details) == ("out_of_memory", message, {})


def test_out_of_memory_on_a_gpu_says_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {
        "peak_allocated_bytes": 60 * 2**30,
        "peak_reserved_bytes": 61 * 2**30,
        "gpu_memory_bytes": 80 * 2**30,
    }
    monkeypatch.setattr(faults, "_gpu_numbers", lambda: numbers)
    failed = classify(torch.OutOfMemoryError(CUDA_TEXT))
    assert failed.message == f"out of memory while asking for 147.00 GiB (peak 60.0 of 80.0 GiB){REMEDY}"
    assert failed.details == numbers


def test_a_real_failed_allocation() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert classify(caught.value).reason == "out_of_memory"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("first line\nsecond line"), "ValueError: first line"),
        (KeyError("name"), "KeyError: 'name'"),
        (AssertionError(), "AssertionError"),
        (RuntimeError("shapes cannot be multiplied"), "RuntimeError: shapes cannot be multiplied"),
    ],
)
def test_anything_else_is_an_error_with_its_type(error: Exception, message: str) -> None:
    failed = classify(error)
    assert (failed.reason, failed.message) == ("error", message)

"""Every way a cell can end badly has one kind, and a message for the user."""

from pathlib import Path
from typing import Any

import pytest
import torch

from bench.catalog import read
from bench.machine.identity import Device
from bench.run.recipe import Recipe
from bench.spec import errors
from bench.spec.errors import CellError
from bench.spec.job import Job
from bench.worker import faults
from bench.worker.faults import classify
from bench.worker.remedy import remedy
from tests.records import make_cell

REMEDY = "; lower `batch` for this model, or use `batch: max`"
CUDA_TEXT = (
    "CUDA out of memory. Tried to allocate 147.00 GiB. GPU 0 has a total capacity of 79.18 GiB of which "
    "78.50 GiB is free.\nSee documentation"
)
CPU_TEXT = (
    "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: "
    "you tried to allocate 4000000000000 bytes. Error code 12 (Cannot allocate memory)"
)


def job_of(checkpoint: str, measure: Any, **fields: Any) -> Job:
    cell = make_cell(checkpoint, measure, **fields)
    device = Device("cpu", 0, "some CPU")
    recipe = Recipe(read.every_model(), read.tasks(), read.protocols(), Path("data"), device, limit_s=60)
    return recipe.job(cell)


JOB = job_of("resnet18", "throughput")


@pytest.mark.parametrize(
    "kind", [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, CellError)]
)
def test_errors_of_the_bench_keep_their_kind_and_text(kind: type[CellError]) -> None:
    failed = classify(kind("the message"), JOB)
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
    failed = classify(error, JOB)
    assert (failed.reason, failed.message, failed.details) == ("out_of_memory", message, {})


def test_out_of_memory_on_a_gpu_says_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {
        "peak_allocated_bytes": 60 * 2**30,
        "peak_reserved_bytes": 61 * 2**30,
        "gpu_memory_bytes": 80 * 2**30,
    }
    monkeypatch.setattr(faults, "_gpu_numbers", lambda: numbers)
    failed = classify(torch.OutOfMemoryError(CUDA_TEXT), JOB)
    assert failed.message == f"out of memory while asking for 147.00 GiB (peak 60.0 of 80.0 GiB){REMEDY}"
    assert failed.details == numbers


def test_a_real_failed_allocation() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert classify(caught.value, JOB).reason == "out_of_memory"


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
    failed = classify(error, JOB)
    assert (failed.reason, failed.message) == ("error", message)


ADE = {"task": "ade20k", "height_px": 512, "width_px": 2048}
COCO = {"task": "coco", "height_px": 800, "width_px": 1280}


@pytest.mark.parametrize(
    ("checkpoint", "measure", "fields", "ways"),
    [
        (
            "upernet-swin_tiny",
            "accuracy",
            {**ADE, "scales": "multi"},
            ["`precisions: [amp_fp16]`", "`windows: slide`", "`scales: single`"],
        ),
        (
            "upernet-swin_tiny",
            "accuracy",
            {**ADE, "precision": "amp_bf16", "windows": "slide"},
            ["`resolutions` below 512x2048"],
        ),
        (
            "upernet-vim_tiny",
            "accuracy",
            {**ADE, "height_px": 512, "width_px": 512},
            ["`precisions: [amp_fp16]`"],
        ),
        ("upernet-vim_tiny", "fps", {**ADE, "precision": "amp_fp16"}, ["`resolutions` below 512x2048"]),
        (
            "mask_rcnn-resnet50",
            "memory",
            COCO,
            ["`precisions: [amp_fp16]`", "`resolutions` below 800x1280"],
        ),
        (
            "mask_rcnn-resnet50",
            "backbone_throughput",
            {**COCO, "precision": "amp_fp16", "batch": 64},
            ["a smaller `batch`", "`resolutions` below 800x1280"],
        ),
    ],
)
def test_a_detector_or_segmentor_gets_the_remedies_that_apply_to_its_cell(
    checkpoint: str, measure: str, fields: dict[str, Any], ways: list[str]
) -> None:
    assert remedy(job_of(checkpoint, measure, **fields)) == f"for this model set {' or '.join(ways)}"


def test_windows_of_one_size_at_half_precision_need_another_device() -> None:
    fields = {**ADE, "height_px": 512, "width_px": 512, "precision": "amp_fp16"}
    assert remedy(job_of("upernet-vim_tiny", "accuracy", **fields)) == "it needs a device with more memory"

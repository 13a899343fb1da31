"""Peak memory of a forward pass in a process that has done nothing else."""

from __future__ import annotations

import resource
import sys

import torch
from torch import nn

from bench.probes.nvml import sensor_for
from bench.spec.job import Job
from bench.spec.record import Measured
from bench.tasks.contract import TaskResult
from bench.tasks.speed.batch import resolve_batch
from bench.tasks.speed.rig import Rig, bench_device, build_model, build_rig

STEPS = 3


def measure(job: Job) -> TaskResult:
    """Return the peaks over a few steps, after a first step whose peak is kept apart."""
    own, device = bench_device(job)
    # read before CUDA is touched, so that the context counts as part of the cost
    before = sensor_for(own).memory_bytes()
    model, weights_sha256 = build_model(job)
    batch = resolve_batch(job, model)
    rig = build_rig(job, model, batch.images, buffers=1)
    values = _cuda_peaks(rig) if device.type == "cuda" else _process_peak(rig)
    after = rig.sensor.memory_bytes()
    if before is not None and after is not None:
        values["peak_device_bytes"] = after[0] - before[0]
    values |= {"weights_bytes": weights_bytes(model), "batch_images": batch.images}
    details = {"steps": STEPS, **batch.details}
    measured = Measured(values=values, details=details, flags=batch.flags)
    return TaskResult(measured, weights_sha256=weights_sha256)


def weights_bytes(model: nn.Module) -> int:
    """Return the bytes of parameters and buffers in the precision they have now."""
    tensors = (*model.parameters(), *model.buffers())
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def process_peak_bytes() -> int:
    """Return the largest resident size this process ever had, imports included."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _cuda_peaks(rig: Rig) -> dict[str, int | float]:
    rig.step()
    torch.cuda.synchronize(rig.device)
    warm_up_peak = torch.cuda.max_memory_allocated(rig.device)
    # the search for cuDNN's algorithms is over; what it took is not part of a step
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(rig.device)
    for _ in range(STEPS):
        rig.step()
    torch.cuda.synchronize(rig.device)
    return {
        "warmup_peak_allocated_bytes": warm_up_peak,
        "peak_allocated_bytes": torch.cuda.max_memory_allocated(rig.device),
        "peak_reserved_bytes": torch.cuda.max_memory_reserved(rig.device),
    }


def _process_peak(rig: Rig) -> dict[str, int | float]:
    for _ in range(STEPS):
        rig.step()
    return {"peak_process_bytes": process_peak_bytes()}

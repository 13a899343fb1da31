"""Peak memory of a forward pass in a process that has done nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import JsonValue
from torch import nn

from bench.machine.identity import Device
from bench.probes import process
from bench.probes.highest import Highest
from bench.probes.nvml import GpuSensor, sensor_for
from bench.spec.job import Job
from bench.spec.record import Measured
from bench.tasks.contract import TaskResult
from bench.tasks.speed.batch import resolve_batch
from bench.tasks.speed.rig import Rig, bench_device, build_model, build_rig

STEPS = 3
DEVICE_INTERVAL_S = 0.001
Values = dict[str, int | float]
Details = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was in use before the network: by the driver's count, None where unknown, and by this process.

    It is read before CUDA is touched, so that the context counts as part of the cost.
    """

    device_bytes: int | None
    process_bytes: int

    @classmethod
    def read(cls, device: Device) -> Baseline:
        """Read both counts now."""
        return cls(_device_bytes(sensor_for(device)), process.resident_bytes())


def measure(job: Job) -> TaskResult:
    """Return the peaks over a few steps, after a first step whose peak is kept apart.

    One input batch is on the device and counts, as do the weights. `peak_device_bytes` is the
    highest of the driver's counts, read about every millisecond during the steps, less its count before
    this process touched CUDA.
    """
    own, _ = bench_device(job)
    baseline = Baseline.read(own)
    model, weights_sha256 = build_model(job)
    batch = resolve_batch(job, model)
    rig = build_rig(job, model, batch.images, buffers=1)
    values, details = peaks(rig, baseline)
    values |= {"weights_bytes": weights_bytes(model), "batch_images": batch.images}
    flags = (*rig.check.flags(), *rig.shared_flags(), *batch.flags)
    outcome = Measured(values=values, details={**details, **batch.details}, flags=flags)
    return TaskResult(outcome, weights_sha256=weights_sha256)


def peaks(rig: Rig, baseline: Baseline) -> tuple[Values, Details]:
    """Run a few steps; return the peaks that the device can tell, and how they were read."""
    details: Details = {"steps": STEPS}
    if rig.device.type != "cuda":
        values, how = _process_peak(rig)
        return values, {**details, **how, "baseline_process_bytes": baseline.process_bytes}
    values, seen = _cuda_peaks(rig)
    if baseline.device_bytes is not None and seen.highest is not None:
        values["peak_device_bytes"] = seen.highest - baseline.device_bytes
        details |= {"device_readings": seen.readings, "device_reading_interval_s": DEVICE_INTERVAL_S}
    return values, details


def allocated_peak_bytes(rig: Rig) -> int:
    """Return the most that torch has allocated on a GPU at any time during a few steps."""
    torch.cuda.synchronize(rig.device)
    torch.cuda.reset_peak_memory_stats(rig.device)
    for _ in range(STEPS):
        rig.step()
    torch.cuda.synchronize(rig.device)
    return torch.cuda.max_memory_allocated(rig.device)


def weights_bytes(model: nn.Module) -> int:
    """Return the bytes of parameters and buffers in the precision they have now."""
    tensors = (*model.parameters(), *model.buffers())
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _device_bytes(sensor: GpuSensor) -> int | None:
    memory = sensor.memory_bytes()
    return None if memory is None else memory[0]


def _cuda_peaks(rig: Rig) -> tuple[Values, Highest]:
    torch.cuda.synchronize(rig.device)
    torch.cuda.empty_cache()
    # torch's own counters miss what libraries take and give back by themselves during a step
    with Highest(lambda: _device_bytes(rig.sensor), DEVICE_INTERVAL_S) as seen:
        allocated_bytes = allocated_peak_bytes(rig)
    values: Values = {
        "warmup_peak_allocated_bytes": rig.first_step_peak_bytes,
        "peak_allocated_bytes": allocated_bytes,
        "peak_reserved_bytes": torch.cuda.max_memory_reserved(rig.device),
    }
    return values, seen


def _process_peak(rig: Rig) -> tuple[Values, Details]:
    """Return the peak of the whole process, interpreter and libraries included, and how it was read."""
    since_reset = process.reset_peak()
    for _ in range(STEPS):
        rig.step()
    since = "the first timed step" if since_reset else "the start of the process"
    return {"peak_process_bytes": process.peak_bytes()}, {"peak_process_since": since}

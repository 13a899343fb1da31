"""A network, its inputs and its clock, ready to be timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle

import torch
from torch import Tensor, nn

from bench import zoo
from bench.machine.identity import Device, resolve_device
from bench.probes.clock import Clock, make_clock
from bench.probes.nvml import GpuSensor, sensor_for
from bench.spec.cell import Cell
from bench.spec.job import Job
from bench.tasks.forward import Prepared, make_current, prepare
from bench.tasks.speed.check import CHECKED_IMAGES, OutputCheck, reference_outputs

INPUT_SEED = 0


@dataclass(frozen=True)
class Rig:
    """What a measure of speed or memory needs; `step` runs the next input buffer.

    `first_step_peak_bytes` is what torch had allocated at most during the first step, with the
    workspaces of cuDNN's search where cuDNN searches; 0 on a CPU.
    """

    prepared: Prepared
    batch_images: int
    step: Callable[[], object]
    clock: Clock
    sensor: GpuSensor
    device: torch.device
    check: OutputCheck
    first_step_peak_bytes: int

    def shared_flags(self) -> tuple[str, ...]:
        """Return `shared_gpu` where another process computes on the same GPU."""
        return ("shared_gpu",) if self.sensor.foreign_processes() else ()


def bench_device(job: Job) -> tuple[Device, torch.device]:
    """Return the device of a job, as the machine knows it and as torch knows it."""
    return resolve_device(job.device), torch.device(job.device)


def build_model(job: Job) -> tuple[nn.Module, str | None]:
    """Return the network of a job on the CPU, and the hash of its weights where it has a file."""
    cell, choices = job.cell, zoo.Choices.of(job.cell)
    size = {"height_px": cell.height_px, "width_px": cell.width_px}
    loaded = zoo.load(job.card, weights=cell.weights, choices=choices, **size)
    return loaded.model, loaded.weights_sha256


def build_rig(job: Job, model: nn.Module, batch_images: int, buffers: int) -> Rig:
    """Put the network on the device with some buffers of random images, and check its output.

    The check is the first step of the timed configuration; torch's peak of GPU memory starts
    again right before it. Raises `CellError` where the output is not finite.
    """
    own, device = bench_device(job)
    make_current(device)
    expected = reference_outputs(model, _first_images(job.cell, batch_images, device), device)
    prepared = prepare(model, job.cell, device)
    placed = cycle([prepared.place(x) for x in random_images(job.cell, batch_images, buffers, device)])
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    outputs = prepared.step(next(placed))
    peak_bytes = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    check = OutputCheck.of(outputs, expected, job)
    # the maps of a backbone are large
    del outputs, expected

    def step() -> object:
        return prepared.step(next(placed))

    clock = make_clock(job.protocol.timer, device)
    return Rig(prepared, batch_images, step, clock, sensor_for(own), device, check, peak_bytes)


def random_images(cell: Cell, batch_images: int, buffers: int, device: torch.device) -> Iterator[Tensor]:
    """Yield normally distributed float32 batches (b, 3, h, w), the same ones at every call on a device."""
    generator = torch.Generator(device).manual_seed(INPUT_SEED)
    shape = (batch_images, 3, cell.height_px, cell.width_px)
    for _ in range(buffers):
        yield torch.randn(shape, generator=generator, device=device)


def _first_images(cell: Cell, batch_images: int, device: torch.device) -> Tensor:
    return next(random_images(cell, batch_images, 1, device))[:CHECKED_IMAGES].clone()

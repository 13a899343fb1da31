"""The batch of a cell: as given, or the largest that fits, found from two small batches and a line."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field

import torch
from pydantic import JsonValue
from torch import nn

from bench.probes import process
from bench.spec.errors import CellError
from bench.spec.job import Job
from bench.tasks.forward import prepare
from bench.tasks.speed.rig import random_images

FIRST_BATCH = 4
ROUND_TO = 8
# three channels of two bytes, the smallest an input can be
BYTES_PER_PIXEL = 6


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a search may go: a share of the free memory, and images in the second and largest batch.

    The further apart the two points, the less a fixed workspace tilts the line.
    """

    share: float
    second: int
    largest: int


BOUNDS = {
    # a tenth is left to fragmentation and to cuDNN's search
    "cuda": Bounds(share=0.90, second=64, largest=4096),
    # a CPU shares its memory with all other programs, and is busy long before it is full
    "cpu": Bounds(share=0.45, second=16, largest=64),
}


@dataclass(frozen=True)
class ResolvedBatch:
    """Images per step, and how they were found where the cell asked for `max`."""

    images: int
    details: Mapping[str, JsonValue] = field(default_factory=dict)
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """Peak bytes as a straight line over the batch: `fixed_bytes + bytes_per_image * b`."""

    fixed_bytes: float
    bytes_per_image: float

    @classmethod
    def through(cls, first: tuple[int, int], second: tuple[int, int], least_slope: float) -> Line:
        """Fit two points (images, peak bytes), or the second alone if they rise less than `least_slope`."""
        slope = max(least_slope, (second[1] - first[1]) / (second[0] - first[0]))
        return cls(second[1] - slope * second[0], slope)

    def largest(self, limit_bytes: float, bound: int) -> int:
        """Return the largest batch below the limit and up to `bound`: a multiple of 8, or below 8."""
        fits = min(bound, math.floor((limit_bytes - self.fixed_bytes) / self.bytes_per_image))
        return _whole(fits)

    def at(self, images: int) -> float:
        """Return the predicted peak bytes of a batch."""
        return self.fixed_bytes + self.bytes_per_image * images


def _whole(images: int) -> int:
    return images - images % ROUND_TO if images >= ROUND_TO else images


def resolve_batch(job: Job, model: nn.Module) -> ResolvedBatch:
    """Return the batch of a cell; raises `CellError` where `max` finds none that fits."""
    if job.cell.batch != "max":
        return ResolvedBatch(job.cell.batch)
    device = torch.device(job.device)
    pixels = job.cell.height_px * job.cell.width_px
    return search(
        lambda images: _peak_bytes(job, model, device, images),
        _free_bytes(device),
        BOUNDS[device.type],
        least_slope=BYTES_PER_PIXEL * pixels,
    )


def search(
    peak_bytes: Callable[[int], int], free_bytes: float, bounds: Bounds, least_slope: float
) -> ResolvedBatch:
    """Predict the largest batch from two small ones and verify it once, without running out of memory.

    `peak_bytes` runs a batch and returns its peak; `least_slope` is what an image takes at the least, in
    bytes, since a measured peak has some noise. The second batch is kept where even a peak in
    proportion to the first would fit. Where the verified peak is above the limit, the line is raised by
    what it missed and the batch read from it again, and where the verification ran out of memory after
    all, a quarter is taken off; both are flagged `batch_not_verified`.
    """
    limit_bytes = bounds.share * free_bytes
    smallest = peak_bytes(FIRST_BATCH)
    second = min(bounds.second, math.floor(FIRST_BATCH * limit_bytes / max(1, smallest)))
    if second <= FIRST_BATCH:
        raise CellError(
            f"no room to search for the largest batch: {FIRST_BATCH} images take {smallest:,} bytes of the "
            f"{limit_bytes:,.0f} that may be used; give `batch` as a number"
        )
    points = ((FIRST_BATCH, smallest), (second, peak_bytes(second)))
    line = Line.through(*points, least_slope)
    images = line.largest(limit_bytes, bounds.largest)
    verified = _verified(peak_bytes, images)
    details: dict[str, JsonValue] = {
        "batch_search_limit_bytes": limit_bytes,
        "batch_search_points": [list(point) for point in points],
        "batch_search_predicted_bytes": line.at(images),
        "batch_search_verified_bytes": verified,
    }
    capped = ("batch_at_upper_bound",) if images == bounds.largest else ()
    if verified is not None and verified <= limit_bytes:
        return ResolvedBatch(images, details, capped)
    if verified is None:
        return ResolvedBatch(_whole(max(second, images * 3 // 4)), details, ("batch_not_verified",))
    missed = Line(line.fixed_bytes + verified - line.at(images), line.bytes_per_image)
    return ResolvedBatch(max(1, missed.largest(limit_bytes, images)), details, ("batch_not_verified",))


def _verified(peak_bytes: Callable[[int], int], images: int) -> int | None:
    try:
        return peak_bytes(images)
    except (torch.OutOfMemoryError, MemoryError):
        pass
    # only here, behind the handler, is what the failed step held let go
    gc.collect()
    torch.cuda.empty_cache()
    return None


def _peak_bytes(job: Job, model: nn.Module, device: torch.device, images: int) -> int:
    # a copy, since preparing casts the weights in place; eager, since compiling needs no more
    prepared = prepare(deepcopy(model), job.cell.model_copy(update={"mode": "eager"}), device)
    placed = [prepared.place(x) for x in random_images(job.cell, images, job.protocol.input_buffers, device)]
    # what is made once, such as kernels and the workspaces of libraries, does not grow with the batch
    prepared.step(placed[0][:1])
    before = process.resident_bytes()
    _reset_peak(device)
    prepared.step(placed[0])
    cuda = device.type == "cuda"
    # what torch took from the driver, gaps in it included, is what must fit
    peak = torch.cuda.max_memory_reserved(device) if cuda else process.peak_bytes() - before
    inputs_bytes = 0 if cuda else sum(x.numel() * x.element_size() for x in placed)
    del placed, prepared
    gc.collect()
    if cuda:
        torch.cuda.empty_cache()
    return peak + inputs_bytes


def _reset_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        process.reset_peak()


def _free_bytes(device: torch.device) -> float:
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else process.available_bytes()

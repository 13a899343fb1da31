"""The batch of a cell: as given, or the largest that fits, found from two small batches and a line."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field

import psutil
import torch
from pydantic import JsonValue
from torch import nn

from bench.spec.cell import Cell
from bench.spec.errors import CellError
from bench.spec.job import Job
from bench.tasks.forward import prepare
from bench.tasks.speed.rig import random_images

SMALL_BATCHES = (4, 12)
# what fragmentation, cuDNN workspaces and other processes may take
HEADROOM = 0.90
MAX_BATCH = 4096
ROUND_TO = 8


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
    def through(cls, first: tuple[int, int], second: tuple[int, int]) -> Line:
        """Fit two points (images, peak bytes)."""
        slope = (second[1] - first[1]) / (second[0] - first[0])
        return cls(first[1] - slope * first[0], slope)

    def largest(self, limit_bytes: float) -> int:
        """Return the largest batch below the limit, a multiple of 8 where that leaves any."""
        if self.bytes_per_image <= 0:
            return MAX_BATCH
        fits = math.floor((limit_bytes - self.fixed_bytes) / self.bytes_per_image)
        rounded = fits - fits % ROUND_TO if fits >= ROUND_TO else fits
        return max(0, min(MAX_BATCH, rounded))

    def at(self, images: int) -> float:
        """Return the predicted peak bytes of a batch."""
        return self.fixed_bytes + self.bytes_per_image * images


def resolve_batch(job: Job, model: nn.Module) -> ResolvedBatch:
    """Return the batch of a cell; raises `CellError` where not even one image fits."""
    if job.cell.batch != "max":
        return ResolvedBatch(job.cell.batch)
    device = torch.device(job.device)
    return search(lambda images: _peak_bytes(model, job.cell, device, images), _limit_bytes(device))


def search(peak_bytes: Callable[[int], int], limit_bytes: float) -> ResolvedBatch:
    """Predict the largest batch from two small ones and verify it once.

    `peak_bytes` runs a batch and returns its peak. A batch whose verified peak is above the limit
    is shrunk by what the line missed and flagged `batch_not_verified`.
    """
    first, second = ((images, peak_bytes(images)) for images in SMALL_BATCHES)
    line = Line.through(first, second)
    images = line.largest(limit_bytes)
    if images < 1:
        raise CellError(f"not one image fits: {line.at(1):,.0f} bytes needed, {limit_bytes:,.0f} free")
    verified = peak_bytes(images)
    details: dict[str, JsonValue] = {
        "batch_search_limit_bytes": limit_bytes,
        "batch_search_points": [list(first), list(second)],
        "batch_search_predicted_bytes": line.at(images),
        "batch_search_verified_bytes": verified,
    }
    if verified <= limit_bytes:
        return ResolvedBatch(images, details)
    smaller = max(1, math.floor(images * limit_bytes / verified))
    return ResolvedBatch(smaller, details, ("batch_not_verified",))


def _peak_bytes(model: nn.Module, cell: Cell, device: torch.device, images: int) -> int:
    # a copy, since preparing casts the weights in place
    prepared = prepare(deepcopy(model), cell.model_copy(update={"mode": "eager"}), device)
    (x,) = random_images(cell, images, 1, device)
    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats(device)
    before = psutil.Process().memory_info().rss
    prepared.step(prepared.place(x))
    peak = torch.cuda.max_memory_allocated(device) if cuda else psutil.Process().memory_info().rss - before
    del x, prepared
    gc.collect()
    if cuda:
        torch.cuda.empty_cache()
    return int(peak)


def _limit_bytes(device: torch.device) -> float:
    if device.type == "cuda":
        return HEADROOM * torch.cuda.mem_get_info(device)[0]
    return HEADROOM * psutil.virtual_memory().available / 2

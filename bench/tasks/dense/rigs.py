"""A detector or segmentor, its image and its clock, ready to be timed with and without post-processing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from bench import zoo
from bench.probes.clock import make_clock
from bench.probes.nvml import sensor_for
from bench.probes.switches import plain_fp32
from bench.spec.cell import RANDOM
from bench.spec.errors import Unsupported
from bench.spec.job import Job
from bench.tasks.dense.network import refuse_cast
from bench.tasks.dense.passes import DetectorPasses, Passes, Seen, SegmentorPasses
from bench.tasks.forward import AUTOCAST, Prepared, make_current, prepare
from bench.tasks.speed.check import OutputCheck
from bench.tasks.speed.rig import Rig, bench_device, random_images
from bench.zoo.openmmlab.upernet import CROP_PX

Shown = tuple[Tensor, Seen]


@dataclass(frozen=True)
class Rigs:
    """Two rigs of one `model` on the same images; `seen` is what the whole model did with each of them."""

    model: nn.Module
    whole: Rig
    network: Rig
    seen: tuple[Seen, ...]
    settings: dict[str, float | str]
    weights_sha256: str | None

    def details(self) -> dict[str, JsonValue]:
        """Return how much the heads and the post-processing had to do, image by image."""
        names = self.seen[0].counts
        counts: dict[str, JsonValue] = {
            f"{name}_per_image": [at.counts[name] for at in self.seen] for name in names
        }
        return {**counts, **self.settings}


def build_rigs(job: Job, buffers: int) -> Rigs:
    """Put the model of a job on the device with some random images, each alone in its batch.

    Random weights of a detector are made to find something, see `DetectorPasses.fill`. What is
    checked against eager fp32 are the raw numbers of every head by themselves, for the same regions.
    torch's peak of GPU memory starts again before the whole model runs for the first time. Raises
    `Unsupported` for bf16 and fp16, and for compiled cells.
    """
    _refuse(job)
    own, device = bench_device(job)
    make_current(device)
    loaded = _load(job)
    prepared = prepare(loaded.model, job.cell, device)
    passes = _passes(job, loaded.model)
    images = [prepared.place(image) for image in random_images(job.cell, 1, buffers, device)]
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    shown = _shown(job, prepared, passes, images)
    peak_bytes = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    check = _check(job, prepared, passes, shown[0])
    clock = make_clock(job.protocol.timer, device)

    def rig(step: Callable[[Tensor, Seen], Any]) -> Rig:
        return Rig(
            prepared, 1, _stepper(prepared, step, shown), clock, sensor_for(own), device, check, peak_bytes
        )

    return Rigs(
        model=loaded.model,
        whole=rig(lambda image, _: passes.whole(image)),
        network=replace(rig(passes.network), first_step_peak_bytes=0),
        seen=tuple(seen for _, seen in shown),
        settings=passes.settings(),
        weights_sha256=loaded.weights_sha256,
    )


def _refuse(job: Job) -> None:
    refuse_cast(job.cell.precision)
    if job.cell.mode == "compiled":
        raise Unsupported(
            f"{job.cell.measure} of detectors and segmentors is measured eager, since their post-processing "
            "cannot be compiled as a whole; set `modes: [eager]`"
        )


def _load(job: Job) -> zoo.Loaded:
    """Build the model, for its windows where it is tested in windows and takes one size only."""
    cell, card = job.cell, job.card
    size = (cell.height_px, cell.width_px)
    height_px, width_px = size if card.any_size else (min(side, CROP_PX) for side in size)
    choices = zoo.Choices.of(cell)
    return zoo.load(card, weights=cell.weights, choices=choices, height_px=height_px, width_px=width_px)


def _passes(job: Job, model: Any) -> Passes:
    return DetectorPasses(model) if job.task.kind == "detection" else SegmentorPasses(model)


def _shown(job: Job, prepared: Prepared, passes: Passes, images: Sequence[Tensor]) -> list[Shown]:
    with prepared.evaluating():
        if isinstance(passes, DetectorPasses) and job.cell.weights == RANDOM:
            passes.fill(images[0])
        return [(image, passes.look(image)) for image in images]


def _check(job: Job, prepared: Prepared, passes: Passes, shown: Shown) -> OutputCheck:
    with plain_fp32(), torch.inference_mode():
        computed_in = AUTOCAST.get(job.cell.precision, torch.float32)
        expected = passes.expected(*shown, computed_in)
    with prepared.evaluating():
        return OutputCheck.of(passes.network(*shown), expected, job)


def _stepper(
    prepared: Prepared, step: Callable[[Tensor, Seen], Any], shown: Sequence[Shown]
) -> Callable[[], object]:
    turns = cycle(shown)

    def run() -> object:
        with prepared.evaluating():
            return step(*next(turns))

    return run

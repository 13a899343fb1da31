"""Measures mean intersection over union of one cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from pydantic import JsonValue
from torch import nn

from bench import zoo
from bench.machine.dense_data import DensePlace, locate
from bench.metrics.confusion import IGNORED, Counts, confusion, pack, scores
from bench.sets.made import ensure
from bench.spec.card import Layout
from bench.spec.errors import BadData, Incomplete, Unsupported
from bench.spec.job import Job
from bench.spec.record import Measured
from bench.tasks.contract import TaskResult
from bench.tasks.dense.items import check_complete, read
from bench.tasks.dense.network import Predictor
from bench.tasks.dense.outcome import fingerprint, flags, spread
from bench.tasks.made import told
from bench.tasks.segmentation import pipeline
from bench.tasks.segmentation.check import check, label_file, wrong_value


@dataclass
class _Run:
    """What is known of the set, and what has been counted so far."""

    place: DensePlace
    names: Sequence[str]
    counts: Counts
    images: int = 0
    damaged: dict[int, str] = field(default_factory=dict)


def measure(job: Job) -> TaskResult:
    """Score every image of the task once, one at a time; with `limit_images` only as many, evenly spread.

    The record holds the confusion matrix, from which `bench rescore` computes the scores again. Raises
    `MissingData`, `BadData`, `MissingWeights`, `BadWeights`, `MissingExtra`, `Unsupported`, and `Incomplete`
    where more images are damaged than the job allows.
    """
    layout = cast(Layout, job.task.layout)
    _refuse_fixed(job, layout)
    place = locate(job.task, layout, Path(job.data_dir))
    made = ensure(job.task, place.root) if job.task.generated is not None else None
    names = check(place, job.task, layout, limited=job.cell.limit_images is not None)
    loaded = _load(job)
    run = _Run(place, names, np.zeros((job.task.classes, job.task.classes), dtype=np.int64))
    tested = pipeline.tested(loaded.model, job.cell.scales, job.cell.windows)
    _score(job, layout, run, Predictor(loaded.model, tested, job))
    files = [
        file
        for name in names
        for file in (place.images / (name + layout.image_suffix), label_file(place, name))
    ]
    measured = told(_summary(job, run, layout, loaded.model), made)
    return TaskResult(measured, fingerprint(files), loaded.weights_sha256)


def scale(job: Job, layout: Layout) -> tuple[int, int]:
    """Return the longer and shorter side in pixels that images are resized to fit in.

    For a network of one window the size of a cell is that of the window, not of the images.
    """
    if job.card.any_size:
        return layout.scale_of(job.cell.height_px, job.cell.width_px)
    return layout.scale


def _refuse_fixed(job: Job, layout: Layout) -> None:
    window, size = (pipeline.CROP_PX, pipeline.CROP_PX), (job.cell.height_px, job.cell.width_px)
    if not job.card.any_size and (size not in {window, layout.at} or min(layout.scale) < window[0]):
        raise Unsupported(
            f"{job.card.key} is scored in windows of {window[0]}x{window[1]} px on images of at least that "
            f"size; set `resolutions: [{window[0]}]`, and `task: ade20k`"
        )
    if not job.card.any_size and job.cell.scales == "multi":
        raise Unsupported(
            f"{job.card.key} is built for one size of window and cannot be scored at several scales; "
            "set `scales: single`"
        )
    if not job.card.any_size and job.cell.windows == "whole":
        raise Unsupported(
            f"{job.card.key} is built for one size of window and cannot be shown whole images; "
            "leave out `windows`"
        )


def _load(job: Job) -> zoo.Loaded:
    card, cell = job.card, job.cell
    window = (cell.height_px, cell.width_px) if card.any_size else (pipeline.CROP_PX, pipeline.CROP_PX)
    return zoo.load(
        card,
        weights=cell.weights,
        height_px=window[0],
        width_px=window[1],
        choices=zoo.Choices.of(cell),
    )


def _score(job: Job, layout: Layout, run: _Run, predictor: Predictor) -> None:
    images = pipeline.images_of(
        run.place.images, run.place.labels, layout, scale(job, layout), job.cell.scales
    )
    positions = spread(job.cell.limit_images, len(run.names))
    for item in read(images, positions, job.loader_workers, run.damaged):
        sample = predictor.predict(item.data)
        predicted, labels = (_plane(sample.pred_sem_seg), _plane(sample.gt_sem_seg))
        _check_labels(job, run, item.position, labels)
        run.counts += confusion(predicted, labels, job.task.classes)
        run.images += 1
    check_complete(job, str(run.place.images), run.names, run.damaged)
    if not run.counts.sum():
        raise Incomplete(
            f"{run.place.labels}: none of the selected images has a labelled pixel; raise --limit"
        )


def _plane(pixels: Any) -> Any:
    return pixels.data.squeeze(0).cpu().numpy()


def _check_labels(job: Job, run: _Run, position: int, labels: Any) -> None:
    wrong = labels[(labels >= job.task.classes) & (labels != IGNORED)]
    if wrong.size:
        path = label_file(run.place, run.names[position])
        raise BadData(wrong_value(path, int(wrong.max()) + 1, job.task))


def _summary(job: Job, run: _Run, layout: Layout, model: nn.Module) -> Measured:
    several = job.cell.scales == "multi"
    values: dict[str, int | float] = {**scores(run.counts, several_scales=several), "images": run.images}
    return Measured(
        values=values, details=_details(job, run, layout, model), flags=tuple(flags(job, run.damaged))
    )


def _details(job: Job, run: _Run, layout: Layout, model: Any) -> dict[str, JsonValue]:
    longer, shorter = scale(job, layout)
    details: dict[str, JsonValue] = {
        "classes": job.task.classes,
        "selection": "all" if job.cell.limit_images is None else "evenly spread",
        "images_in_set": len(run.names),
        "windows": str(model.test_cfg.mode),
        "reduce_zero_label": True,
        "confusion": cast(JsonValue, pack(run.counts)),
    }
    if job.cell.scales == "multi":
        details["ratios_of_image_size"] = list(pipeline.RATIOS)
        details["mirrored"] = True
    else:
        details["scale_longer_shorter_px"] = [longer, shorter]
    if run.damaged:
        details["corrupt_images"] = len(run.damaged)
        details["corrupt"] = [run.names[position] for position in sorted(run.damaged)[:20]]
    return details

"""Measures average precision of one cell."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import JsonValue

from bench import zoo
from bench.machine.dense_data import DensePlace, locate
from bench.metrics.coco_ap import scores
from bench.sets.coco_classes import CATEGORY_IDS
from bench.sets.made import ensure
from bench.spec.card import Layout
from bench.spec.errors import Incomplete
from bench.spec.job import Job
from bench.spec.record import Measured
from bench.tasks.contract import TaskResult
from bench.tasks.dense.items import check_complete, read
from bench.tasks.dense.network import Predictor
from bench.tasks.dense.outcome import fingerprint, flags, spread
from bench.tasks.detection import pipeline
from bench.tasks.detection.check import check
from bench.tasks.detection.keep import keep
from bench.tasks.made import told


@dataclass
class _Run:
    """What is known of the set, and what has been found so far."""

    place: DensePlace
    annotations: dict[str, Any]
    scored: list[int] = field(default_factory=list)
    found: list[pipeline.Detection] = field(default_factory=list)
    damaged: dict[int, str] = field(default_factory=dict)

    @property
    def names(self) -> Sequence[str]:
        return [image["file_name"] for image in self.annotations["images"]]


def measure(job: Job) -> TaskResult:
    """Detect in every image of the task once, one at a time; with `limit_images` in as many, evenly spread.

    Detections are kept where the job says so. Raises `MissingData`, `BadData`, `MissingWeights`,
    `BadWeights`, `MissingExtra`, `Unsupported`, and `Incomplete` where more images are damaged than the
    job allows, or none of the selected ones shows an object.
    """
    layout = cast(Layout, job.task.layout)
    place = locate(job.task, layout, Path(job.data_dir))
    made = ensure(job.task, place.root) if job.task.generated is not None else None
    cell = job.cell
    annotations = check(place, job.task, limited=cell.limit_images is not None)
    loaded = zoo.load(
        job.card,
        weights=cell.weights,
        height_px=cell.height_px,
        width_px=cell.width_px,
        choices=zoo.Choices.of(cell),
    )
    run = _Run(place, annotations)
    _detect(job, layout, run, Predictor(loaded.model, loaded.model, job))
    values = scores(run.annotations, run.found, run.scored, job.evaluator)
    if "box_ap_percent" not in values:
        raise Incomplete(f"{place.labels}: none of the selected images shows an object; raise --limit")
    measured = Measured(
        values={**values, "images": len(run.scored)},
        details=_details(job, layout, run),
        flags=tuple(flags(job, run.damaged)),
    )
    files = [place.labels, *(place.images / name for name in run.names)]
    return TaskResult(told(measured, made), fingerprint(files), loaded.weights_sha256)


def _detect(job: Job, layout: Layout, run: _Run, predictor: Predictor) -> None:
    images = pipeline.images_of(run.place, layout.scale_of(job.cell.height_px, job.cell.width_px))
    positions = spread(job.cell.limit_images, len(images))
    for item in read(images, positions, job.loader_workers, run.damaged):
        sample = predictor.predict(item.data)
        run.scored.append(sample.img_id)
        run.found += pipeline.detections(sample, CATEGORY_IDS)
    check_complete(job, str(run.place.images), run.names, run.damaged)


def _details(job: Job, layout: Layout, run: _Run) -> dict[str, JsonValue]:
    longer, shorter = layout.scale_of(job.cell.height_px, job.cell.width_px)
    details: dict[str, JsonValue] = {
        "classes": job.task.classes,
        "selection": "all" if job.cell.limit_images is None else "evenly spread",
        "images_in_set": len(run.annotations["images"]),
        "scale_longer_shorter_px": [longer, shorter],
        "detections": len(run.found),
        "evaluator": f"{job.evaluator} {importlib.metadata.version(job.evaluator)}",
    }
    if len(run.scored) < len(run.annotations["images"]):
        details["image_ids"] = cast(JsonValue, run.scored)
    if job.keep_dir is not None:
        details["predictions"] = keep(job, run.found)
    if run.damaged:
        details["corrupt_images"] = len(run.damaged)
        details["corrupt"] = [run.names[position] for position in sorted(run.damaged)[:20]]
    return details

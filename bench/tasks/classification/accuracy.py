"""Measures top-1 and top-5 accuracy of one cell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from bench import zoo
from bench.machine.data import locate
from bench.machine.listing import listing
from bench.sets.made import ensure
from bench.spec.job import Job
from bench.tasks import forward
from bench.tasks.classification.check import check, check_count, spread
from bench.tasks.classification.decoded import DecodedImages, loader
from bench.tasks.classification.images import ImageSet, open_images
from bench.tasks.classification.preprocess import resolve, transform
from bench.tasks.classification.result import summarise
from bench.tasks.classification.score import Predict, Scores, score
from bench.tasks.classification.targets import Targets, targets
from bench.tasks.contract import TaskResult
from bench.tasks.made import told


def measure(job: Job) -> TaskResult:
    """Score every image of the task once, whatever the batch, the device and the loader.

    With `limit_images` only as many are taken, evenly spread over the split. Raises
    `MissingData`, `BadData`, `MissingWeights`, `BadWeights`, `MissingExtra`, `Unsupported`,
    and `Incomplete` where more images are damaged than the job allows.
    """
    located = locate(job.task, Path(job.data_dir))
    made = ensure(job.task, located.root) if job.task.generated is not None else None
    images = open_images(job.task, located)
    limited = job.cell.limit_images is not None
    labels = check(images, job.task, limited=limited)
    correct = targets(images, job.task, labels)
    if not limited:
        check_count(images, job.task, sum(map(bool, correct)))
    selected = spread(job.cell.limit_images or len(images.names), len(images.names))
    loaded = zoo.load(
        job.card,
        weights=job.cell.weights,
        height_px=job.cell.height_px,
        width_px=job.cell.width_px,
        choices=zoo.Choices.of(job.cell),
    )
    scores = _score(job, images, [each for each in selected if correct[each]], loaded.model, correct)
    return TaskResult(
        told(summarise(job, images, scores, unlabelled=sum(not correct[each] for each in selected)), made),
        data_fingerprint=images.fingerprint(labels),
        weights_sha256=loaded.weights_sha256,
        data_listing=listing(images.located, job.task.splits),
    )


def _score(
    job: Job, images: ImageSet, positions: Sequence[int], model: nn.Module, correct: Targets
) -> Scores:
    prepared_images = DecodedImages(images, positions, transform(resolve(job.card, job.cell)))
    pin = job.device != "cpu"
    batches = loader(prepared_images, job.eval_batch, job.loader_workers, pin=pin)
    try:
        return score(batches, _predictor(job, model), correct, job.allowed_corrupt)
    finally:
        images.close()


def _predictor(job: Job, model: nn.Module) -> Predict:
    prepared = forward.prepare(model, job.cell, torch.device(job.device))

    def predict(images: Tensor) -> Tensor:
        # another batch size would be compiled anew
        whole = _pad(images, job.eval_batch) if job.cell.mode == "compiled" else images
        logits = cast(Tensor, prepared.step(prepared.place(whole)))
        return logits[: len(images)]

    return predict


def _pad(images: Tensor, count: int) -> Tensor:
    return torch.cat([images, images[-1:].expand(count - len(images), -1, -1, -1)])

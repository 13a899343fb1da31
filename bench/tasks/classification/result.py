"""Turns scored images into the values, details and flags of a record."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
from pydantic import JsonValue

from bench.metrics.top_k import percent, percent_stderr
from bench.spec.cell import RANDOM
from bench.spec.errors import Incomplete
from bench.spec.job import Job
from bench.spec.record import Measured
from bench.tasks.classification.images import ImageSet
from bench.tasks.classification.preprocess import resolve
from bench.tasks.classification.score import Scores

NAMED = 20
# a trained network whose labels are shuffled is right about once in a thousand
SUSPECT_PERCENT = 1.0
SUSPECT_FROM_IMAGES = 500


def summarise(job: Job, images: ImageSet, scores: Scores, *, unlabelled: int) -> Measured:
    """Return the outcome of a finished evaluation; `unlabelled` images were not to be scored.

    Raises `Incomplete` where more images are damaged than the job allows, or none was scored.
    """
    _check_complete(job, images, scores)
    count, right1, right5 = len(scores.positions), sum(scores.top1), sum(scores.top5)
    values: dict[str, int | float] = {
        "top1_percent": percent(right1, count),
        "top5_percent": percent(right5, count),
        "top1_stderr_percent": percent_stderr(right1, count),
        "top5_stderr_percent": percent_stderr(right5, count),
        "top1_correct": right1,
        "top5_correct": right5,
        "images": count,
    }
    details = _details(job, images, scores, unlabelled)
    return Measured(values=values, details=details, flags=tuple(_flags(job, scores, values["top1_percent"])))


def pack(bits: Sequence[bool]) -> str:
    """Return one bit per image in base64: the first image is the highest bit, zeros fill the last byte."""
    return base64.b64encode(np.packbits(np.array(bits, dtype=bool)).tobytes()).decode("ascii")


def order_digest(names: Sequence[str]) -> str:
    """Return the SHA-256 of the names of the scored images in their order."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def _check_complete(job: Job, images: ImageSet, scores: Scores) -> None:
    damaged = [f"{images.names[position]} ({problem})" for position, problem in scores.damaged]
    if len(damaged) > job.allowed_corrupt:
        named = ", ".join(damaged[:NAMED]) + (", ..." if len(damaged) > NAMED else "")
        raise Incomplete(
            f"{images.located.root}: {len(damaged):,} images cannot be decoded: {named}. Get them again, or "
            f"set limits.corrupt_images of the suite to {len(damaged)} to leave them out"
        )
    if not scores.positions:
        raise Incomplete(f"{images.located.root}: none of the selected images has a label; raise --limit")


def _details(job: Job, images: ImageSet, scores: Scores, unlabelled: int) -> dict[str, JsonValue]:
    details: dict[str, JsonValue] = {
        "reader": images.located.reader,
        "classes": job.task.classes,
        "preprocessing": resolve(job.card, job.cell).model_dump(mode="json"),
        "selection": "all" if job.cell.limit_images is None else "evenly spread",
        "images_in_set": len(images.names),
        "correct_top1_bits": pack(scores.top1),
        "correct_top5_bits": pack(scores.top5),
        "order_digest": order_digest([images.names[position] for position in scores.positions]),
    }
    if unlabelled:
        details["images_without_label"] = unlabelled
    if scores.damaged:
        details["corrupt_images"] = len(scores.damaged)
        details["corrupt"] = [images.names[position] for position, _ in scores.damaged[:NAMED]]
    if scores.non_finite:
        details["images_with_non_finite_logits"] = scores.non_finite
    return details


def _flags(job: Job, scores: Scores, top1_percent: float) -> Iterator[str]:
    if job.cell.limit_images is not None:
        yield "partial"
    if job.cell.weights == RANDOM:
        yield "random_weights"
    elif top1_percent < SUSPECT_PERCENT and len(scores.positions) >= SUSPECT_FROM_IMAGES:
        yield "label_order_suspect"
    if scores.damaged:
        yield "corrupt_excluded"
    if scores.non_finite:
        yield "non_finite_logits"

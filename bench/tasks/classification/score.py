"""Scores batches image by image: which were right at top-1 and at top-5."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bench.tasks.classification.decoded import Batch
from bench.tasks.classification.targets import Targets

Predict = Callable[[Tensor], Tensor]
TOP = 5


@dataclass(slots=True)
class Scores:
    """What happened to every image: scored, in the order of the reader, or damaged.

    `positions`, `top1` and `top5` run in parallel; `non_finite` counts images whose logits
    hold NaN or infinity, which are wrong at both.
    """

    positions: list[int] = field(default_factory=list)
    top1: list[bool] = field(default_factory=list)
    top5: list[bool] = field(default_factory=list)
    damaged: list[tuple[int, str]] = field(default_factory=list)
    non_finite: int = 0


def score(batches: Iterable[Batch], predict: Predict, targets: Targets, allowed_damaged: int) -> Scores:
    """Score every batch; once more images are damaged than allowed, only look for further ones.

    `predict` takes float32 images (n, 3, height, width) on the CPU and returns logits
    (n, classes) on any device.
    """
    scores = Scores()
    for batch in batches:
        scores.damaged += batch.damaged
        if batch.pixels is None or len(scores.damaged) > allowed_damaged:
            continue
        top1, top5, finite = hits(predict(batch.pixels), [targets[each] for each in batch.positions])
        scores.positions += batch.positions
        scores.top1 += top1.tolist()
        scores.top5 += top5.tolist()
        scores.non_finite += int((~finite).sum())
    return scores


def hits(logits: Tensor, targets: Targets) -> tuple[Tensor, Tensor, Tensor]:
    """Return per image whether it is right at top-1, right at top-5, and has finite logits.

    An image is right where any of its target classes is among the first. Ranked in float32
    on the CPU, so that equal logits are ordered alike on every device.
    """
    logits = logits.float().cpu()
    finite = logits.isfinite().all(dim=1)
    ranked = logits.topk(min(TOP, logits.shape[1]), dim=1).indices
    width = max(map(len, targets))
    padded = torch.tensor([[*each, *([-1] * (width - len(each)))] for each in targets])
    right = (ranked[:, :, None] == padded[:, None, :]).any(dim=2) & finite[:, None]
    return right[:, 0], right.any(dim=1), finite

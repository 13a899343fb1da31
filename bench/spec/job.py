"""What the parent hands to a worker process and what it gets back, both as JSON."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue, PositiveFloat

from bench.spec.base import Spec
from bench.spec.card import ModelCard, TaskCard
from bench.spec.cell import Cell
from bench.spec.protocol import Protocol
from bench.spec.record import Host, Outcome

Evaluator = Literal["faster-coco-eval", "pycocotools"]
"""What computes average precision on COCO; both give the same numbers."""


class Job(Spec):
    """One cell with all its definitions resolved.

    `data_dir` is where data sets are looked for; `device` is `cpu` or `cuda:<index>`.
    `allowed_corrupt` is how many undecodable images the suite tolerates. `loader_workers`
    is the number of processes that decode images. `evaluator` computes the average precision of
    detectors; `keep_dir` is where predictions are kept, None where they are not.
    """

    cell: Cell
    card: ModelCard
    protocol: Protocol
    task: TaskCard
    data_dir: str
    device: str
    limit_s: PositiveFloat
    allowed_corrupt: int = Field(default=0, ge=0)
    loader_workers: int = Field(default=0, ge=0)
    eval_batch: int = Field(default=64, gt=0)
    evaluator: Evaluator = "faster-coco-eval"
    keep_dir: str | None = None


class Report(Spec):
    """What a worker leaves behind when it ends by itself."""

    outcome: Outcome
    host: Host
    switches: dict[str, JsonValue] = {}
    data_fingerprint: str | None = None
    weights_sha256: str | None = None
    scan_backend: str | None = None
    true_inverse: bool | None = None
    data_listing: str | None = None

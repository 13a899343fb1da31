"""Turns a cell into a job: looks its definitions up and adds what the machine and the suite say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.machine.identity import Device
from bench.spec.card import ModelCard, TaskCard
from bench.spec.cell import Cell
from bench.spec.job import Evaluator, Job
from bench.spec.protocol import Protocol


@dataclass(frozen=True, slots=True)
class Recipe:
    """What all jobs of a run have in common; fields are those of `Job` and the catalog."""

    models: Mapping[str, ModelCard]
    tasks: Mapping[str, TaskCard]
    protocols: Mapping[str, Protocol]
    data_dir: Path
    device: Device
    limit_s: float
    allowed_corrupt: int = 0
    loader_workers: int = 0
    eval_batch: int = 64
    evaluator: Evaluator = "faster-coco-eval"
    keep_dir: Path | None = None

    def job(self, cell: Cell) -> Job:
        """Return the job of one cell; all its names must be in the catalog."""
        return Job(
            cell=cell,
            card=self.models[cell.checkpoint],
            protocol=self.protocols[cell.protocol],
            task=self.tasks[cell.task],
            data_dir=str(self.data_dir),
            device=self.device.torch_name,
            limit_s=self.limit_s,
            allowed_corrupt=self.allowed_corrupt,
            loader_workers=self.loader_workers,
            eval_batch=self.eval_batch,
            evaluator=self.evaluator,
            keep_dir=None if self.keep_dir is None else str(self.keep_dir),
        )

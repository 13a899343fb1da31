"""Scores an exported file as a suite would."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.catalog import read
from bench.machine.weights import file_digest
from bench.spec.card import Kind, ModelCard
from bench.spec.cell import Cell
from bench.spec.job import Job

TASKS: Mapping[Kind, str] = {
    "classification": "shapes",
    "detection": "shapes_coco",
    "segmentation": "shapes_ade20k",
}
MEASURES: Mapping[Kind, str] = {
    "classification": "bench.tasks.classification.accuracy",
    "detection": "bench.tasks.detection.accuracy",
    "segmentation": "bench.tasks.segmentation.accuracy",
}
HOUSE = "house"


def score(card: ModelCard, weights: Path, data: Path) -> dict[str, Any]:
    """Return the values of the task that the bench makes for this kind of network, in fp32 on the CPU.

    The data are made below `data` unless they are there. Raises what the task raises.
    """
    task = read.tasks()[TASKS[card.kind]]
    protocol = read.protocols()[HOUSE]
    height_px, width_px = (card.height_px, card.width_px) if task.layout is None else task.layout.at
    cell = Cell(
        checkpoint=card.key,
        task=task.key,
        task_digest=task.content_digest,
        height_px=height_px,
        width_px=width_px,
        precision="fp32",
        measure="accuracy",
        device="cpu",
        protocol=HOUSE,
        protocol_digest=protocol.content_digest,
        weights=str(weights),
        card_digest=card.digest_for("accuracy"),
        weights_digest=file_digest(str(weights)),
    )
    job = Job(
        cell=cell, card=card, protocol=protocol, task=task, data_dir=str(data), device="cpu", limit_s=3600
    )
    measured = import_module(MEASURES[card.kind]).measure(job).measured
    values: dict[str, Any] = dict(measured.values)
    return values

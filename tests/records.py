"""Records and reported rows for tests, complete and as short as a test needs them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from bench.catalog import read
from bench.catalog.reported import Reported
from bench.spec.cell import Cell, Measure
from bench.spec.record import Host, Measured, Outcome, Provenance, Record

NIGHT = "2026-05-02T01:00:00.000+00:00"
GPU_BOX = Host(
    machine="gpu-box",
    device="cuda",
    gpu="NVIDIA H100 80GB HBM3",
    gpu_power_limit_w=700.0,
    gpu_memory_bytes=85_520_809_984,
    driver="580.159.04",
    cpu="AMD EPYC 9554",
    cpu_count=32,
    os="Linux 6.8",
    python="3.11.9",
    torch="2.14.1+cu130",
    cuda="13.0",
    cudnn="9.15.0",
    triton="3.6.0",
    timm="1.0.31",
)


def make_cell(checkpoint: str, measure: Measure, **fields: Any) -> Cell:
    """Return a cell of ImageNet at 224 px in fp32 under `house`, but for what `fields` replace."""
    task = read.tasks()[fields.get("task", "imagenet")]
    usual: dict[str, Any] = {
        "checkpoint": checkpoint,
        "task": task.key,
        "task_digest": task.content_digest,
        "height_px": 224,
        "width_px": 224,
        "precision": "fp32",
        "measure": measure,
        "device": "cuda",
        "protocol": "house",
        "protocol_digest": read.protocols()["house"].content_digest,
        "weights": "published" if measure == "accuracy" else "random",
    }
    return Cell(**(usual | fields))


def make_record(
    cell: Cell,
    outcome: Outcome | Mapping[str, float],
    *,
    at: str = NIGHT,
    host: Host = GPU_BOX,
    provenance: Mapping[str, object] | None = None,
) -> Record:
    """Return a record of a cell; `outcome` may be just the values, `provenance` replaces fields."""
    source = Provenance(
        bench_version="0.1.0",
        git_commit="8e64695a1b2c3d4e5f60718293a4b5c6d7e8f901",
        git_dirty=False,
        suite="imagenet",
        started_utc=at,
        wall_s=12.5,
        protocol=read.protocols()[cell.protocol],
        card=read.every_model()[cell.checkpoint],
        task=read.tasks()[cell.task],
    ).model_copy(update=dict(provenance or {}))
    ended = Measured(values=dict(outcome)) if isinstance(outcome, Mapping) else outcome
    return Record(cell=cell, cell_key=cell.key, outcome=ended, host=host, provenance=source)


def make_reported(checkpoint: str | None = "mambaout_tiny", **fields: Any) -> Reported:
    """Return a row about top-1 of a checkpoint at 224 px, but for what `fields` replace."""
    usual: dict[str, Any] = {
        "id": "a.row",
        "label": read.every_model()[checkpoint].label if checkpoint else "A backbone",
        "checkpoint": checkpoint,
        "metric": "top1_percent",
        "text": "82.7",
        "unit": "%",
        "task": "imagenet",
        "height_px": 224,
        "width_px": 224,
        "source": "A paper",
    }
    return Reported(**(usual | fields))


def scored(right: str, order: str = "images") -> Measured:
    """Return an accuracy from one character per image: `1` where top-1 was right."""
    images, correct = len(right), right.count("1")
    padded = right.ljust(-(-images // 8) * 8, "0")
    packed = int(padded, 2).to_bytes(len(padded) // 8, "big")
    details: dict[str, JsonValue] = {
        "correct_top1_bits": base64.b64encode(packed).decode("ascii"),
        "order_digest": order,
    }
    values = {"images": images, "top1_correct": correct, "top1_percent": 100 * correct / images}
    return Measured(values=values, details=details)

"""Records as short as a test needs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from bench.catalog import read
from bench.catalog.reported import Reported
from bench.spec.cell import Cell, Measure
from bench.spec.record import Failed, Host, Measured, Provenance, Record

MakeRecord = Callable[..., Record]
MakeReported = Callable[..., Reported]
HOST = Host(
    machine="box",
    device="cuda",
    gpu="NVIDIA A100-SXM4-80GB",
    gpu_power_limit_w=400,
    driver="580.1",
    cpu="EPYC 7542",
    cpu_count=64,
    os="Linux",
    python="3.11.9",
    torch="2.14.1",
    cuda="13.0",
    cudnn="9.1",
    timm="1.0.31",
)


def make_record(
    measure: Measure = "accuracy",
    values: Mapping[str, float] | None = None,
    *,
    checkpoint: str = "mambaout_tiny",
    at: str = "2026-05-01T01:00:00.000+00:00",
    host: Mapping[str, object] | None = None,
    switches: Mapping[str, bool] | None = None,
    outcome: Measured | Failed | None = None,
    **cell: Any,
) -> Record:
    card, task = read.models()[checkpoint], read.tasks()["imagenet"]
    protocol = read.protocols()["house"]
    fields: dict[str, Any] = {
        "checkpoint": checkpoint,
        "task": "imagenet",
        "task_digest": task.content_digest,
        "height_px": 224,
        "width_px": 224,
        "precision": "fp32",
        "measure": measure,
        "device": "cuda",
        "protocol": "house",
        "protocol_digest": protocol.content_digest,
        "weights": "published" if measure == "accuracy" else "random",
        **cell,
    }
    made = Cell(**fields)
    return Record(
        cell=made,
        cell_key=made.key,
        outcome=outcome or Measured(values=dict(values or {})),
        host=HOST.model_copy(update=dict(host or {})),
        provenance=Provenance(
            bench_version="0.1.0",
            git_commit="a" * 40,
            git_dirty=False,
            suite="test",
            started_utc=at,
            wall_s=1.0,
            protocol=protocol,
            card=card,
            task=task,
            switches=dict(switches or {}),
        ),
    )


def make_reported(**fields: Any) -> Reported:
    usual: dict[str, Any] = {
        "id": "a.row",
        "label": "MambaOut-Tiny",
        "checkpoint": "mambaout_tiny",
        "metric": "top1_percent",
        "text": "82.7",
        "unit": "%",
        "task": "imagenet",
        "height_px": 224,
        "width_px": 224,
        "source": "A paper",
    }
    return Reported(**(usual | fields))


@pytest.fixture(name="record")
def record_fixture() -> MakeRecord:
    return make_record


@pytest.fixture(name="row")
def row_fixture() -> MakeReported:
    return make_reported

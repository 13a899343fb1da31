"""Builds records for the tests of the store."""

from collections.abc import Callable

import pytest

from bench.spec.card import ModelCard, Preprocessing, TaskCard
from bench.spec.cell import Cell
from bench.spec.protocol import Protocol, TimingSteps, WarmupSteps
from bench.spec.record import Failed, Host, Measured, Provenance, Record

MakeRecord = Callable[..., Record]


def protocol() -> Protocol:
    return Protocol(
        key="house",
        version=1,
        summary="",
        source="",
        tf32_matmul=False,
        tf32_cudnn=False,
        cudnn_benchmark=False,
        cudnn_deterministic=False,
        precisions=("fp32",),
        memory_formats=("contiguous",),
        modes=("eager",),
        batch_images={"cuda": 128, "cpu": 4},
        timer="wall_clock",
        warmup=WarmupSteps(steps=1),
        timing=TimingSteps(steps=1, synchronise="once"),
        statistic="median",
    )


def model(key: str) -> ModelCard:
    return ModelCard(
        key=key,
        label=key,
        family="F",
        source="timm",
        ref=f"{key}.in1k",
        params=1000,
        height_px=224,
        width_px=224,
        preprocessing=Preprocessing(crop_pct=1.0),
        licence="MIT",
        paper="",
    )


def task() -> TaskCard:
    return TaskCard(
        key="imagenet",
        label="ImageNet-1K",
        version=1,
        kind="classification",
        images=50_000,
        classes=1000,
        class_names="wnid",
        folders=("imagenet",),
        splits=("val",),
        measures=("accuracy", "throughput"),
        how_to_get="",
    )


def build(
    outcome: Measured | Failed | None = None,
    *,
    checkpoint: str = "tiny",
    started: str = "2026-03-04T05:06:07.089+00:00",
    machine: str = "cpu-x-2-cores",
    height_px: int = 224,
    wall_s: float = 12.5,
    weights: str = "random",
) -> Record:
    cell = Cell(
        checkpoint=checkpoint,
        task="imagenet",
        task_digest="0" * 12,
        height_px=height_px,
        width_px=224,
        precision="fp32",
        measure="throughput",
        device="cpu",
        protocol="house",
        protocol_digest="0" * 12,
        weights=weights,
    )
    return Record(
        cell=cell,
        cell_key=cell.key,
        outcome=outcome
        or Measured(values={"img_s": 100.5}, samples={"window_s": (0.1, 0.2)}, flags=("cpu_bound",)),
        host=Host(machine=machine, device="cpu", cpu="X", cpu_count=2, os="Linux", python="3.11.7"),
        provenance=Provenance(
            bench_version="0.1.0",
            git_commit="c" * 40,
            git_dirty=False,
            suite="imagenet",
            started_utc=started,
            wall_s=wall_s,
            protocol=protocol(),
            card=model(checkpoint),
            task=task(),
        ),
    )


@pytest.fixture
def make_record() -> MakeRecord:
    return build

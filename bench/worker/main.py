"""A worker's life: set the switches, take one measure, report; an error is a report too."""

from __future__ import annotations

import sys
import traceback
from importlib import import_module
from typing import NamedTuple

import torch

from bench.machine.identity import Device, resolve_device, usable_cpu_count
from bench.probes import host, switches
from bench.spec.card import Kind
from bench.spec.cell import Measure
from bench.spec.errors import Unsupported, UserError
from bench.spec.job import Job, Report
from bench.tasks.contract import Task, TaskResult
from bench.worker.faults import classify

# imported when needed: a fork server that has loaded this module stays small and quick
TASKS: dict[Measure, str] = {
    "accuracy": "bench.tasks.classification.accuracy:measure",
    "throughput": "bench.tasks.speed.throughput:measure",
    "latency": "bench.tasks.speed.latency:measure",
    "fps": "bench.tasks.dense.fps:measure",
    "backbone_throughput": "bench.tasks.dense.backbone:measure",
    "memory": "bench.tasks.speed.memory:measure",
    "complexity": "bench.tasks.complexity.measure:measure",
}
# what is measured in another way for a kind of task
OF_KIND: dict[tuple[Measure, Kind], str] = {
    ("accuracy", "detection"): "bench.tasks.detection.accuracy:measure",
    ("accuracy", "segmentation"): "bench.tasks.segmentation.accuracy:measure",
    ("memory", "detection"): "bench.tasks.dense.memory:measure",
    ("memory", "segmentation"): "bench.tasks.dense.memory:measure",
}


class _Scan(NamedTuple):
    """How the selective scans of a network run; None where it has none."""

    backend: str | None = None
    true_inverse: bool | None = None


def run(job: Job) -> Report:
    """Measure one cell and report; never raises but for what ends the process."""
    # torch counts the cores of the machine, also where a container may use few of them
    torch.set_num_threads(usable_cpu_count())
    switches.apply(job.protocol, job.cell.precision)
    with switches.repeatable(job.cell.measure):
        return _report(job)


def _report(job: Job) -> Report:
    device, scan = resolve_device("cpu"), _Scan()
    try:
        device = _device(job)
        scan = _scan(job)
        result = _measure(job)
    except Exception as error:
        # whatever it is, it becomes the cell's failure
        traceback.print_exc(file=sys.stderr)
        return Report(
            outcome=classify(error, job),
            host=host.describe(device),
            switches=switches.read_back(),
            scan_backend=scan.backend,
            true_inverse=scan.true_inverse,
        )
    return Report(
        outcome=result.measured,
        host=host.describe(device),
        switches=switches.read_back(),
        data_fingerprint=result.data_fingerprint,
        weights_sha256=result.weights_sha256,
        scan_backend=scan.backend,
        true_inverse=scan.true_inverse,
        data_listing=result.data_listing,
    )


def _device(job: Job) -> Device:
    try:
        return resolve_device(job.device)
    except UserError as error:
        # it was there when the run was planned
        raise Unsupported(str(error)) from error


def _scan(job: Job) -> _Scan:
    if not job.card.options:
        return _Scan()
    # a fork server that has loaded this module stays small and quick
    from bench.zoo import scan  # noqa: PLC0415

    return _Scan(scan.scan_backend(job.card, job.cell, job.device), scan.true_inverse(job.card, job.cell))


def _measure(job: Job) -> TaskResult:
    where = OF_KIND.get((job.cell.measure, job.task.kind), TASKS[job.cell.measure])
    module, _, function = where.partition(":")
    task: Task = getattr(import_module(module), function)
    return task(job)

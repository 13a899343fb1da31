"""Parameters exactly, and multiply-accumulates by two counters that check each other."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from bench import zoo
from bench.spec.job import Job
from bench.spec.record import Measured
from bench.tasks.complexity.count import count
from bench.tasks.complexity.counters import Count
from bench.tasks.complexity.dense import count_dense
from bench.tasks.complexity.scan import SCAN_FORMULA
from bench.tasks.contract import TaskResult

PERFORMED = (
    "`macs_performed` is every multiply-accumulate that the network really does for one image, once: "
    "convolutions, matrix products and attention (of causal attention the masked half too) with the shapes "
    "they are called with, all scan directions and the pads of their windows included; normalisation, "
    f"activations and elementwise products outside scans are not counted; {SCAN_FORMULA}"
)


def measure(job: Job) -> TaskResult:
    """Count a cell's network; needs no GPU, since neither figure depends on the device."""
    cell = job.cell
    loaded = zoo.load(job.card, weights=cell.weights, height_px=cell.height_px, width_px=cell.width_px)
    counter = count if job.card.kind == "classification" else count_dense
    counted = counter(loaded.model, cell.height_px, cell.width_px)
    values = {
        "params": counted.params,
        "macs": counted.official.macs,
        "macs_performed": counted.performed,
        "macs_fvcore": counted.fvcore.macs,
        "macs_dispatcher": counted.dispatcher.macs,
        "macs_disagreement_percent": counted.disagreement_percent,
    }
    by_counter: Mapping[str, Count] = {"fvcore": counted.fvcore, "dispatcher": counted.dispatcher}
    details: dict[str, JsonValue] = {
        "formula_name": counted.official.name,
        "formula": counted.official.text,
        "formula_performed": PERFORMED,
        "macs_by_kind": dict(counted.official.by_kind),
        "macs_by_operator": {name: dict(found.by_operator) for name, found in by_counter.items()},
        "uncounted_ops": {name: dict(found.uncounted_ops) for name, found in by_counter.items()},
    }
    return TaskResult(Measured(values=values, details=details), weights_sha256=loaded.weights_sha256)

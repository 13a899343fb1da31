"""Parameters exactly, and multiply-accumulates by two counters that check each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from pydantic import JsonValue
from torch import nn

from bench import zoo
from bench.spec.job import Job
from bench.spec.record import Measured
from bench.tasks.complexity.counters import Count, count_dispatcher, count_fvcore
from bench.tasks.contract import TaskResult

FORMULA = (
    "MACs of one image: convolutions, matrix products and attention written out, each multiply-accumulate "
    "counted once; `macs` is fvcore's total, which adds its count for normalisation layers, since the "
    "published figures were made with it"
)


@dataclass(frozen=True)
class Complexity:
    """Parameters and what both counters found for one image."""

    params: int
    fvcore: Count
    dispatcher: Count

    @property
    def disagreement_percent(self) -> float:
        """How far the dispatcher's total is from fvcore's, in percent of the larger."""
        larger = max(self.fvcore.macs, self.dispatcher.macs)
        return 100 * abs(self.fvcore.macs - self.dispatcher.macs) / larger if larger else 0.0


def measure(job: Job) -> TaskResult:
    """Count a cell's network; needs no GPU, since neither figure depends on the device."""
    cell = job.cell
    loaded = zoo.load(job.card, weights=cell.weights, height_px=cell.height_px, width_px=cell.width_px)
    counted = count(loaded.model, cell.height_px, cell.width_px)
    values = {
        "params": counted.params,
        "macs": counted.fvcore.macs,
        "macs_fvcore": counted.fvcore.macs,
        "macs_dispatcher": counted.dispatcher.macs,
        "macs_disagreement_percent": counted.disagreement_percent,
    }
    by_counter: Mapping[str, Count] = {"fvcore": counted.fvcore, "dispatcher": counted.dispatcher}
    details: dict[str, JsonValue] = {
        "formula": FORMULA,
        "macs_by_operator": {name: dict(found.by_operator) for name, found in by_counter.items()},
        "uncounted_ops": {name: dict(found.uncounted_ops) for name, found in by_counter.items()},
    }
    return TaskResult(Measured(values=values, details=details), weights_sha256=loaded.weights_sha256)


def count(model: nn.Module, height_px: int, width_px: int) -> Complexity:
    """Count the parameters, and the MACs of one image of this size, of a network on the CPU."""
    x = torch.zeros(1, 3, height_px, width_px)
    params = sum(parameter.numel() for parameter in model.parameters())
    with _attention_written_out(model):
        return Complexity(params, count_fvcore(model, x), count_dispatcher(model, x))


@contextmanager
def _attention_written_out(model: nn.Module) -> Iterator[None]:
    # fvcore gives fused attention no MACs at all; timm's layers compute the same with two products
    fused = [module for module in model.modules() if getattr(module, "fused_attn", False) is True]
    _set_fused(fused, on=False)
    try:
        yield
    finally:
        _set_fused(fused, on=True)


def _set_fused(modules: Iterable[nn.Module], *, on: bool) -> None:
    for module in modules:
        setattr(module, "fused_attn", on)  # noqa: B010 (no such attribute in the type of a module)

"""Counts a network with two counters that check each other, and by the formula of its authors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.tasks.complexity.calls import record_calls
from bench.tasks.complexity.counters import Count, count_dispatcher, count_fvcore
from bench.tasks.complexity.official import formula_of
from bench.tasks.complexity.scan import scans_as_operators

FORMULA = (
    "MACs of one image: convolutions, matrix products and attention written out, each multiply-accumulate "
    "counted once; `macs` is fvcore's total, which adds its count for normalisation layers, since the "
    "published figures were made with it"
)

FVCORE = "fvcore"


@dataclass(frozen=True)
class Official:
    """MACs by the formula that the published figures were made with, by kind of operation."""

    name: str
    text: str
    by_kind: dict[str, int]

    @property
    def macs(self) -> int:
        """All kinds together."""
        return sum(self.by_kind.values())


@dataclass(frozen=True)
class Complexity:
    """Parameters, what both counters found for one image, and the count by the official formula."""

    params: int
    fvcore: Count
    dispatcher: Count
    official: Official

    @property
    def performed(self) -> int:
        """Every multiply-accumulate once: all that the dispatcher counts, which has no other kind."""
        return self.dispatcher.macs

    @property
    def disagreement_percent(self) -> float:
        """How far the dispatcher's total is from fvcore's, in percent of the larger."""
        larger = max(self.fvcore.macs, self.dispatcher.macs)
        return 100 * abs(self.fvcore.macs - self.dispatcher.macs) / larger if larger else 0.0


def count(model: nn.Module, height_px: int, width_px: int) -> Complexity:
    """Count the parameters, and the MACs of one image of this size, of a network on the CPU."""
    x = torch.zeros(1, 3, height_px, width_px)
    params = sum(parameter.numel() for parameter in model.parameters())
    with _attention_written_out(model), _frozen(model), scans_as_operators(model):
        # the dispatcher first: tables that a first run makes and keeps are no part of the tracer's graph
        dispatcher, fvcore = count_dispatcher(model, x), count_fvcore(model, x)
        return Complexity(params, fvcore, dispatcher, count_official(model, x, fvcore))


def count_official(model: nn.Module, x: Tensor, fvcore: Count) -> Official:
    """Count as the network's authors do: by a formula of their own, else as fvcore has counted."""
    formula = formula_of(model)
    if formula is None:
        return Official(FVCORE, FORMULA, fvcore.by_operator)
    return Official(formula.name, formula.text, formula.count(record_calls(model, x)))


@contextmanager
def _attention_written_out(model: nn.Module) -> Iterator[None]:
    # fvcore gives fused attention no MACs at all; timm's layers compute the same with two products
    fused = [module for module in model.modules() if getattr(module, "fused_attn", False) is True]
    _set_fused(fused, on=False)
    try:
        yield
    finally:
        _set_fused(fused, on=True)


@contextmanager
def _frozen(model: nn.Module) -> Iterator[None]:
    # torch's counter looks for gradients of the parameters that a module hands to another
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)


def _set_fused(modules: Iterable[nn.Module], *, on: bool) -> None:
    for module in modules:
        setattr(module, "fused_attn", on)  # noqa: B010 (no such attribute in the type of a module)

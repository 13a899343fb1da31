"""The selective scan as one operator, so that counters see the same whatever backend would compute it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

import bench.ops.selective_scan as operator
from bench.ops.selective_scan.inputs import ScanInputs

SCAN_FORMULA = (
    "a selective scan of L tokens, E channels and N states is L E (4 N + 1) multiply-accumulates, and L E "
    "more with a skip: dt A, (dt u) B, exp(dt A) h and C h for every token, channel and state, dt u and the "
    "skip D u for every token and channel, each with the addition that follows it; exponential and softplus "
    "are not counted"
)


class ScanShape(NamedTuple):
    """What the cost of one scan depends on; `channels` and `routes` are those of all directions together."""

    batch: int
    channels: int
    tokens: int
    states: int
    routes: int
    skip: bool

    @classmethod
    def of_operands(cls, *shapes: Shape) -> ScanShape:
        """Return it from the shapes of the operands of `ONE_SCAN`, in its order; None for one left out."""
        u_bdl, _, decay_dn, input_bgnl, _, skip_d, _ = shapes
        if u_bdl is None or decay_dn is None or input_bgnl is None:
            raise ValueError(f"not the operands of a scan: {shapes}")
        batch, channels, tokens = u_bdl
        return cls(batch, channels, tokens, decay_dn[1], input_bgnl[1], skip_d is not None)

    @property
    def macs(self) -> int:
        """Multiply-accumulates by `SCAN_FORMULA`; the formula of the Vim paper, 4 L E N, and dt u and D u."""
        return self.batch * self.tokens * self.channels * (4 * self.states + 1 + self.skip)


Shape = tuple[int, ...] | None


torch.library.define(
    "bench::selective_scan",
    "(Tensor u, Tensor delta, Tensor A, Tensor B, Tensor C, Tensor? D, Tensor? delta_bias) -> Tensor",
)


@torch.library.impl("bench::selective_scan", "CompositeExplicitAutograd")
def _zeros(u: Tensor, *_others: Tensor | None) -> Tensor:
    return torch.zeros_like(u)


ONE_SCAN = torch.ops.bench.selective_scan
"""The operator that stands for every scan within `scans_as_operators`; its result is zeros."""


@contextmanager
def scans_as_operators(model: nn.Module) -> Iterator[None]:
    """Within, every selective scan that runs is one call of `ONE_SCAN`, and no backend is asked.

    A figure must not depend on the backend, and the elementwise steps of a plain one would be neither
    counted nor worth tracing one by one. Shapes are real, values are not.
    """
    backends = {
        module: module.scan_backend
        for module in model.modules()
        if isinstance(getattr(module, "scan_backend", None), str)
    }
    before = getattr(operator, "implementation")  # noqa: B009 (the package gives it to nobody else)
    _replace(lambda _: _call_operator)
    for module in backends:
        # one that runs on any device, so that a network made for CUDA is counted as well
        module.scan_backend = "torch"  # type: ignore[assignment]
    try:
        yield
    finally:
        _replace(before)
        for module, name in backends.items():
            module.scan_backend = name


def _call_operator(inputs: ScanInputs) -> Tensor:
    return cast(Tensor, ONE_SCAN(*inputs[:7]))


def _replace(implementation: Callable[[str], Callable[[ScanInputs], Tensor]]) -> None:
    setattr(operator, "implementation", implementation)  # noqa: B010 (likewise)

"""Two counters of multiply-accumulates that share no code: fvcore's tracer and torch's dispatcher."""

from __future__ import annotations

import logging
import math
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from bench.tasks.complexity.scan import ONE_SCAN, ScanShape

# besides views: what moves data or makes it, without arithmetic worth counting
MOVES = frozenset(
    (
        *("_to_copy", "_unsafe_view", "arange", "as_strided_", "cat", "clone", "constant_pad_nd", "copy_"),
        *("empty", "empty_like", "flip", "full", "full_like", "index", "new_empty", "new_zeros", "ones"),
        *("ones_like", "repeat", "roll", "stack", "zeros", "zeros_like"),
    )
)


@dataclass(frozen=True)
class Count:
    """What one counter found: MACs in all and by operator, and the calls it gave no MACs to.

    `by_module` are the MACs within each layer that has any, by its name in the network.
    """

    macs: int
    by_operator: dict[str, int]
    uncounted_ops: dict[str, int]
    by_module: dict[str, int] = field(default_factory=dict)


def count_fvcore(model: nn.Module, x: Tensor) -> Count:
    """Trace the network and count convolutions, matrix products, scans and normalisations.

    Scans are counted where they are one operator, see `scans_as_operators`, and fused attention as its
    two products, whatever its mask lets through. fvcore counts one multiply-accumulate as one "flop", so
    its figures are MACs. The published MambaOut figures equal its total, layer norms included.
    """
    with _quiet_tracer(), torch.no_grad():
        # importing fvcore makes torch warn of what fvcore uses
        from fvcore.nn import FlopCountAnalysis  # noqa: PLC0415

        analysis = FlopCountAnalysis(model, (x,))
        analysis.set_op_handle("aten::scaled_dot_product_attention", _traced_attention)
        analysis.set_op_handle("bench::selective_scan", _traced_scan)
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
        by_operator = {name: int(macs) for name, macs in analysis.by_operator().items()}
        by_module = {name: int(macs) for name, macs in analysis.by_module().items()}
        unsupported = {name: int(calls) for name, calls in analysis.unsupported_ops().items()}
    return Count(sum(by_operator.values()), by_operator, unsupported, by_module)


def count_dispatcher(model: nn.Module, x: Tensor) -> Count:
    """Run the network and count convolutions, matrix products and scans as the dispatcher sees them.

    Scans and fused attention are counted as by `count_fvcore`. torch counts a multiply-accumulate as
    two operations, so its figures are halved.
    """
    counter = FlopCounterMode(
        display=False,
        custom_mapping={
            ONE_SCAN: _dispatched_scan,
            torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _dispatched_attention,
        },
    )
    seen = _SeenOperators()
    with torch.no_grad(), seen, counter:
        model(x)
    found = counter.get_flop_counts()
    # a network without any counted operator has no entry at all
    totals = found.get("Global", {})
    flops = {str(operator): int(count) for operator, count in totals.items()}
    counted = {name.partition(".")[2] for name in flops}
    uncounted = {
        f"aten::{name}": calls
        for name, calls in sorted(seen.calls.items())
        if name not in counted and name not in MOVES
    }
    by_operator = {name.replace(".", "::", 1): count // 2 for name, count in flops.items()}
    # torch puts the type of the whole network in front
    by_module = {
        name.partition(".")[2]: sum(each.values()) // 2 for name, each in found.items() if "." in name
    }
    return Count(sum(by_operator.values()), by_operator, uncounted, by_module)


def _traced_scan(inputs: list[Any], _outputs: list[Any]) -> int:
    return ScanShape.of_operands(*map(_traced_shape, inputs)).macs


def _traced_attention(inputs: list[Any], _outputs: list[Any]) -> int:
    query, key, value = (_traced_shape(each) or () for each in inputs[:3])
    return math.prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


def _traced_shape(value: Any) -> tuple[int, ...] | None:
    kind = value.type()
    return tuple(kind.sizes()) if kind.kind() == "TensorType" else None


def _dispatched_scan(*shapes: Any, **_: Any) -> int:
    return 2 * ScanShape.of_operands(*shapes).macs


def _dispatched_attention(query: Any, key: Any, value: Any, *_others: Any, **_: Any) -> int:
    return int(sdpa_flop_count(query, key, value))


class _SeenOperators(TorchDispatchMode):
    """Counts how often each operator is called, views left out."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        if not func.is_view:
            self.calls[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


@contextmanager
def _quiet_tracer() -> Iterator[None]:
    # the tracer warns of every shape that becomes a constant, which is what is wanted here
    logger = logging.getLogger("fvcore.nn.jit_analysis")
    before = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(before)

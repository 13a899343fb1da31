"""Torch's global switches that can move a speed figure or a result: set, and read back.

TF32 is set through the `allow_tf32` family alone. It keeps both of torch's interfaces in
agreement, while a value set through `fp32_precision` makes torch raise wherever `allow_tf32`
or `get_float32_matmul_precision` is read, which parts of torch.compile do.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from pydantic import JsonValue

from bench.spec.cell import Measure, Precision
from bench.spec.protocol import Protocol


def apply(protocol: Protocol, precision: Precision) -> None:
    """Set TF32 and cuDNN's choices as the protocol says for this precision."""
    _set_tf32(*protocol.tf32_flags(precision))
    torch.backends.cudnn.benchmark = protocol.cudnn_benchmark
    torch.backends.cudnn.deterministic = protocol.cudnn_deterministic


def read_back() -> dict[str, JsonValue]:
    """Return the switches as torch holds them now."""
    matmul, cudnn = _tf32()
    return {
        "tf32_matmul": matmul,
        "tf32_cudnn": cudnn,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
        "cpu_threads": torch.get_num_threads(),
    }


@contextmanager
def repeatable(measure: Measure) -> Iterator[None]:
    """Make cuDNN choose alike in every process while the block runs, where figures are compared exactly.

    Its search times algorithms against each other, so the winner, its rounding and its workspace can
    change from process to process. Accuracy and memory go without the search, whatever the protocol;
    accuracy with deterministic algorithms alone. Other measures keep what is set.
    """
    cudnn = torch.backends.cudnn
    before = cudnn.benchmark, cudnn.deterministic
    if measure in {"accuracy", "memory"}:
        cudnn.benchmark = False
    if measure == "accuracy":
        cudnn.deterministic = True
    try:
        yield
    finally:
        cudnn.benchmark, cudnn.deterministic = before


@contextmanager
def plain_fp32() -> Iterator[None]:
    """Compute in fp32 without TF32, and without cuDNN's search, while the block runs."""
    before, benchmark = _tf32(), torch.backends.cudnn.benchmark
    _set_tf32(matmul=False, cudnn=False)
    # a search for the best algorithm pays off over many steps, not over one
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        _set_tf32(*before)
        torch.backends.cudnn.benchmark = benchmark


def _tf32() -> tuple[bool, bool]:
    with _no_advice():
        return bool(torch.backends.cuda.matmul.allow_tf32), bool(torch.backends.cudnn.allow_tf32)


def _set_tf32(matmul: bool, cudnn: bool) -> None:
    with _no_advice():
        torch.backends.cuda.matmul.allow_tf32 = matmul
        torch.backends.cudnn.allow_tf32 = cudnn


@contextmanager
def _no_advice() -> Iterator[None]:
    # some releases advise the other interface
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield

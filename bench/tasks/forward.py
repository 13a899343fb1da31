"""A network made ready for a cell: precision, memory layout, device, compiled or not."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn

from bench.spec.cell import Cell, Precision
from bench.spec.errors import Unsupported

Outputs = Tensor | Sequence[Tensor] | Mapping[str, Tensor]
"""What a network gives of a batch: one tensor, or several, with names or without."""

CAST: dict[Precision, torch.dtype] = {"bf16": torch.bfloat16, "fp16": torch.float16}
AUTOCAST: dict[Precision, torch.dtype] = {"amp_bf16": torch.bfloat16, "amp_fp16": torch.float16}
# Ampere, the first GPUs with TF32
TF32_CAPABILITY = (8, 0)


class Prepared:
    """A network in a cell's precision and layout.

    After the first `step`, a compiled network has `compile_s` (seconds of that step),
    `graph_breaks` and `compile_cache_hits` (graphs that an earlier process had compiled);
    all stay None in eager mode.
    """

    def __init__(self, model: nn.Module, cell: Cell, device: torch.device) -> None:
        self._device, self._precision = device, cell.precision
        self._dtype = CAST.get(cell.precision, torch.float32)
        channels_last = cell.memory_format == "channels_last"
        self._memory_format = torch.channels_last if channels_last else torch.contiguous_format
        # some of OpenMMLab's networks do not return themselves here
        model.eval()
        self._model = model.to(device, self._dtype).to(memory_format=self._memory_format)
        self._compiled = cell.mode == "compiled"
        self._forward = torch.compile(self._model) if self._compiled else self._model
        self.compile_s: float | None = None
        self.graph_breaks: int | None = None
        self.compile_cache_hits: int | None = None

    def place(self, x: Tensor) -> Tensor:
        """Move a float32 batch (b, 3, h, w) to the device, the data type and the memory layout."""
        return x.to(self._device, self._dtype, memory_format=self._memory_format)

    def step(self, x: Tensor) -> Outputs:
        """Return the logits (b, classes) of a placed batch, or the maps (b, c, h, w) of a backbone."""
        if self._compiled and self.compile_s is None:
            return self._first_step(x)
        with self.evaluating():
            outputs: Outputs = self._forward(x)
            return outputs

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Within, there are no gradients, and operations choose their number format as the cell asks."""
        with torch.inference_mode(), self._autocast():
            yield

    def _first_step(self, x: Tensor) -> Outputs:
        counters = torch._dynamo.utils.counters
        counters.clear()
        start_s = time.perf_counter()
        self.compile_s = 0.0
        outputs = self.step(x)
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        self.compile_s = time.perf_counter() - start_s
        self.graph_breaks = sum(counters["graph_break"].values())
        self.compile_cache_hits = counters["inductor"]["fxgraph_cache_hit"]
        return outputs

    def _autocast(self) -> AbstractContextManager[object]:
        dtype = AUTOCAST.get(self._precision)
        return nullcontext() if dtype is None else torch.autocast(self._device.type, dtype)


def prepare(model: nn.Module, cell: Cell, device: torch.device) -> Prepared:
    """Put a network on a device as a cell asks: cast for bf16 and fp16, autocast for amp_*.

    A GPU becomes torch's current one. Raises `Unsupported` for TF32 where the device has none.
    """
    if cell.precision == "tf32" and not _has_tf32(device):
        raise Unsupported(
            "tf32 needs an NVIDIA GPU of compute capability 8.0 or newer; this device can measure fp32"
        )
    make_current(device)
    return Prepared(model, cell, device)


def make_current(device: torch.device) -> None:
    """Make a GPU torch's current one: kernels that name no device, as Triton's, run there."""
    if device.type == "cuda":
        torch.cuda.set_device(device)


def _has_tf32(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= TF32_CAPABILITY

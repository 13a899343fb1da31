"""What a network really calls for one image: its layers with their shapes, and its scans."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from bench.tasks.complexity.scan import ONE_SCAN, ScanShape


@dataclass(frozen=True)
class Call:
    """One call of one layer: its name in the network, and the shapes of its first input and its output."""

    name: str
    module: nn.Module
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]

    @property
    def linear_macs(self) -> int:
        """Multiply-accumulates of a linear layer: its weights for every row of the input."""
        return math.prod(self.input_shape[:-1]) * _weights(self.module).numel()

    @property
    def conv_macs(self) -> int:
        """Multiply-accumulates of a convolution: a kernel for every value of the output."""
        return math.prod(self.output_shape) * _weights(self.module)[0].numel()


@dataclass(frozen=True)
class Calls:
    """All calls, in the order in which they ended; `scans` in the order in which they ran."""

    layers: tuple[Call, ...]
    scans: tuple[ScanShape, ...]

    def of(self, *kinds: type[nn.Module]) -> tuple[Call, ...]:
        """Return the calls of layers of these types."""
        return tuple(call for call in self.layers if isinstance(call.module, kinds))


def record_calls(model: nn.Module, x: Tensor) -> Calls:
    """Run the network, within `scans_as_operators`, and return what it called."""
    layers: list[Call] = []
    scans = _SeenScans()
    with ExitStack() as stack:
        for name, module in model.named_modules():
            handle = module.register_forward_hook(_recorder(name, layers))
            stack.callback(handle.remove)
        with torch.no_grad(), scans:
            model(x)
    return Calls(tuple(layers), tuple(scans.shapes))


def _recorder(name: str, calls: list[Call]) -> Any:
    def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if inputs and isinstance(inputs[0], Tensor) and isinstance(output, Tensor):
            calls.append(Call(name, module, tuple(inputs[0].shape), tuple(output.shape)))

    return note


class _SeenScans(TorchDispatchMode):
    """Keeps the shape of every scan."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.shapes: list[ScanShape] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        if func.overloadpacket is ONE_SCAN:
            self.shapes.append(
                ScanShape.of_operands(*(None if each is None else tuple(each.shape) for each in args))
            )
        return func(*args, **(kwargs or {}))


def _weights(module: nn.Module) -> Tensor:
    return module.get_parameter("weight")

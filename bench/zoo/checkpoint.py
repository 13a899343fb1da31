"""Reads checkpoint files without running code from them, and fills networks strictly."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError
from timm.models import load_state_dict
from torch import Tensor

from bench.spec.errors import BadWeights
from bench.zoo.contract import Network, StateDict

SHOWN = 3
UNREADABLE = (
    OSError,
    RuntimeError,
    EOFError,
    KeyError,
    ValueError,
    AttributeError,
    pickle.UnpicklingError,
    SafetensorError,
)


def read_state_dict(path: Path) -> StateDict:
    """Return the tensors of a `.safetensors` file or of one that `torch.save` wrote, on the CPU.

    Of a training checkpoint the averaged weights are taken where there are any, else
    `state_dict` or `model`; wrappers of parallel or compiled training are taken off the
    names. Raises `BadWeights` for a file that cannot be read without running its code.
    """
    try:
        found = load_state_dict(str(path), use_ema=True, device="cpu", weights_only=True)
    except UNREADABLE as error:
        raise BadWeights(f"{path} is not a readable checkpoint: {_first_line(error)}") from None
    if not found or not all(isinstance(value, Tensor) for value in found.values()):
        raise BadWeights(f"{path} holds no tensors by name, so it is not a checkpoint")
    return dict(found)


def fill(network: Network, state: StateDict, what: str) -> None:
    """Copy every entry into the network; names and shapes must be those of the network exactly.

    Raises `BadWeights` with the first differences; `what` names the two that differ.
    """
    try:
        adapted = network.adapt(state)
    except Exception as error:
        raise BadWeights(f"{what} do not fit: {_first_line(error)}") from error
    differences = _differences(network.model.state_dict(), adapted)
    if differences:
        raise BadWeights(f"{what} do not fit: {'; '.join(differences)}")
    network.model.load_state_dict(dict(adapted), strict=True)


def _differences(expected: StateDict, found: StateDict) -> Sequence[str]:
    missing = [name for name in expected if name not in found]
    unexpected = [name for name in found if name not in expected]
    shapes = [
        f"{name} is {_shape(found[name])} and not {_shape(value)}"
        for name, value in expected.items()
        if name in found and found[name].shape != value.shape
    ]
    parts = (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes))
    return [f"{len(names)} {kind} ({_some(names)})" for kind, names in parts if names]


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return f"{shown}, ..." if len(names) > SHOWN else shown


def _shape(value: Tensor) -> str:
    return "x".join(map(str, value.shape)) or "a number"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__

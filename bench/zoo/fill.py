"""Fills networks with the entries of a file, strictly, and says what else the file may be."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bench.nets.adapt import TABLES
from bench.spec.card import ModelCard
from bench.spec.errors import BadWeights, CellError
from bench.zoo.checkpoint import first_line
from bench.zoo.contract import Network, StateDict
from bench.zoo.fingerprint import owners

SHOWN = 3


def fill(network: Network, state: StateDict, card: ModelCard, path: str) -> None:
    """Copy every entry into the network; names and shapes must be those of the network exactly.

    Raises `BadWeights` with the first differences, and with the networks of `bench.nets` that the file
    belongs to if it belongs to others; a table that would have to be resized is no difference
    unless the file fits one of those as it is. Raises `Unsupported` where a table cannot be resized.
    """
    try:
        adapted = network.adapt(state)
    except CellError:
        _refuse_strangers(state, card, path, "")
        raise
    except Exception as error:
        _refuse_strangers(state, card, path, "")
        raise BadWeights(f"{path} and {card.key} do not fit: {first_line(error)}") from error
    differences = "; ".join(_differences(network.model.state_dict(), adapted))
    if differences or _resized(state, adapted):
        _refuse_strangers(state, card, path, differences)
    if differences:
        raise BadWeights(f"{path} and {card.key} do not fit: {differences}")
    network.model.load_state_dict(dict(adapted), strict=True)


def _refuse_strangers(state: StateDict, card: ModelCard, path: str, differences: str) -> None:
    found = owners(state)
    if found and card.key not in found:
        why = f": {differences}" if differences else ""
        raise BadWeights(f"{path} is a checkpoint of {' or '.join(found)}, not of {card.key}{why}")


def _resized(state: StateDict, adapted: StateDict) -> bool:
    return any(
        name in state and state[name].shape != adapted[name].shape for name in TABLES if name in adapted
    )


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

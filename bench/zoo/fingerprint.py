"""Which networks of `bench.nets` a file belongs to, by the names and shapes of its entries."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import torch

from bench.catalog import read
from bench.nets.adapt import rename_vmamba, squeeze_linear
from bench.nets.build import build_net
from bench.zoo.contract import StateDict

Shapes = Mapping[str, torch.Size]


def owners(state: StateDict) -> tuple[str, ...]:
    """Return the keys of the cards whose published file has exactly these entries, in any known naming.

    Position tables count with their size, since it is all that tells a Vim of stride 8 from one of
    stride 16. Two cards that differ in their scan routes only share their entries.
    """
    return tuple(key for key, expected in _published().items() if _fits(state, expected))


def _fits(state: StateDict, expected: StateDict) -> bool:
    if len(state) != len(expected):
        return False
    known = squeeze_linear(state if state.keys() == expected.keys() else rename_vmamba(state), expected)
    return _shapes(known) == _shapes(expected)


def _shapes(state: StateDict) -> Shapes:
    return {name: value.shape for name, value in state.items()}


@cache
def _published() -> Mapping[str, StateDict]:
    """Return the entries of every network of ours at its published size, without memory behind them."""
    with torch.device("meta"):
        return {
            key: build_net(card.ref, (card.height_px, card.width_px), num_classes=card.classes).state_dict()
            for key, card in read.models().items()
            if card.source == "native"
        }

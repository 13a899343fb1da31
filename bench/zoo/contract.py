"""What a source of networks gives: a network for a card, and a way to read its publisher's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from bench.spec.card import ModelCard
from bench.spec.cell import Cell

StateDict = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Choices:
    """What is chosen for a network besides its input size; as the fields of `Cell` of these names."""

    scan_backend: str = "auto"
    true_inverse: bool = False

    @classmethod
    def of(cls, cell: Cell) -> Choices:
        """Return what a cell chooses."""
        return cls(cell.scan_backend, cell.true_inverse)


@dataclass(frozen=True, slots=True)
class Network:
    """A network with initial weights, for the classes of its card.

    `adapt` turns the entries of any file published for it into those of this very network:
    names, and tables that depend on the input size. It leaves alone what it does not know, and
    raises `Unsupported` for a table that cannot be made to fit the input.
    """

    model: nn.Module
    adapt: Callable[[StateDict], StateDict]


class Source(Protocol):
    """Builds the network of a card for an input of `height_px` x `width_px`.

    Raises `Unsupported` where the network cannot be built for that size. Of `choices` only those
    count that the card has among its `options`.
    """

    def __call__(self, card: ModelCard, height_px: int, width_px: int, choices: Choices) -> Network:
        """Build it, with weights drawn from torch's random generator as it stands."""

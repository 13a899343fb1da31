"""Which models of a task can be compared image by image, and how each pair comes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from bench.compare.paired import Paired, compare_bits, has_bits
from bench.compare.pairing import crop_of
from bench.spec.cell import RANDOM
from bench.spec.errors import UserError
from bench.spec.record import Record

LEVEL = 0.05
# Up to this many models all pairs are listed, beyond it each with the next ones in rank.
ALL_PAIRS_OF = 10
NEAREST = 3


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records of which the first was right on at least as many images."""

    better: Record
    other: Record
    found: Paired


@dataclass(frozen=True, slots=True)
class Group:
    """Models scored on the same images at the same size, crop and precision, ranked by top-1.

    `possible` counts the pairs that these models make, of which `pairs` may be a part.
    """

    records: tuple[Record, ...]
    pairs: tuple[Pair, ...]

    @property
    def possible(self) -> int:
        """How many pairs there are."""
        return len(self.records) * (len(self.records) - 1) // 2

    @property
    def threshold(self) -> float:
        """The p-value below which a pair differs at `LEVEL` over all possible pairs (Bonferroni)."""
        return LEVEL / self.possible


def groups(records: Sequence[Record]) -> tuple[Group, ...]:
    """Return every group of two models or more, in the order of the records.

    Records of random weights, and those without sound results per image, are in no group.
    """
    found: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        if _usable(record):
            found.setdefault(_conditions(record), []).append(record)
    return tuple(_group(each) for each in found.values() if len(each) > 1)


def _usable(record: Record) -> bool:
    if record.cell.weights == RANDOM or not has_bits(record):
        return False
    try:
        compare_bits(record, record)
    except UserError:
        return False
    return True


def _conditions(record: Record) -> tuple[object, ...]:
    cell, details = record.cell, record.outcome.details
    images = (cell.task, cell.task_digest, record.provenance.data_fingerprint, details["order_digest"])
    shown = (cell.height_px, cell.width_px, crop_of(record))
    return *images, *shown, cell.precision, cell.protocol, cell.memory_format


def _group(records: Sequence[Record]) -> Group:
    ranked = tuple(sorted(records, key=_right, reverse=True))
    return Group(ranked, tuple(Pair(one, other, compare_bits(one, other)) for one, other in _pairs(ranked)))


def _right(record: Record) -> int:
    return compare_bits(record, record).both


def _pairs(ranked: Sequence[Record]) -> Iterator[tuple[Record, Record]]:
    reach = len(ranked) if len(ranked) <= ALL_PAIRS_OF else NEAREST
    for (place, one), (other_place, other) in combinations(enumerate(ranked), 2):
        if other_place - place <= reach:
            yield one, other

"""Which records belong on one row of an overview: never two tasks, sizes, precisions or crops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bench.compare.pairing import crop_of, partial
from bench.report.order import size_order
from bench.report.setting import setting
from bench.report.words import choices
from bench.spec.cell import PUBLISHED, Cell, Measure
from bench.spec.record import Measured, Record

Place = tuple[str, int, int, str]
Size = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Line:
    """One checkpoint at one task, size, precision and crop, with a record per measure."""

    crop: Decimal
    first: Record
    found: Mapping[Measure, Record]

    @property
    def checkpoint(self) -> str:
        """The key of the checkpoint."""
        return self.first.cell.checkpoint

    @property
    def timed(self) -> tuple[Record, ...]:
        """The records of speed and memory."""
        return tuple(each for each in self.found.values() if _timed(each))


def line_up(records: Sequence[Record]) -> tuple[tuple[Line, ...], ...]:
    """Group what can fill a cell by task, size and precision, tasks and precisions as they first come.

    Parameters and MACs hold at every task and precision, but make no group by themselves.
    """
    telling = [record for record in records if _telling(record)]
    counted = {_size(record.cell): record for record in telling if record.cell.portable}
    places: dict[Place, list[Record]] = {}
    for record in telling:
        if not record.cell.portable:
            places.setdefault(_place(record.cell), []).append(record)
    tasks = list(dict.fromkeys(task for task, *_ in places))
    ordered = sorted(places.values(), key=lambda at: (tasks.index(at[0].cell.task), *size_order(at[0])))
    return tuple(tuple(_lines(at, counted)) for at in ordered)


def _telling(record: Record) -> bool:
    """Say whether a record can fill a cell: a part of a task, or other weights, have no score."""
    whole = record.cell.weights == PUBLISHED and not partial(record)
    return isinstance(record.outcome, Measured) and (record.cell.measure != "accuracy" or whole)


def _timed(record: Record) -> bool:
    return record.cell.measure not in ("accuracy", "complexity")


def _unusual(record: Record) -> bool:
    return choices(record.cell) is not None


def _place(cell: Cell) -> Place:
    return cell.task, cell.height_px, cell.width_px, cell.precision


def _size(cell: Cell) -> Size:
    return cell.checkpoint, cell.height_px, cell.width_px


def _lines(records: Sequence[Record], counted: Mapping[Size, Record]) -> Iterator[Line]:
    """Yield a line per checkpoint and crop; speed and memory are those of the first record's setting."""
    usual = next((setting(record.cell) for record in records if _timed(record)), None)
    for checkpoint in dict.fromkeys(record.cell.checkpoint for record in records):
        # what a suite chose apart from the usual stands in the tables below, unless there is nothing else
        own = sorted((each for each in records if each.cell.checkpoint == checkpoint), key=_unusual)
        scored = {crop_of(each): each for each in reversed(own) if each.cell.measure == "accuracy"}
        timed = [each for each in own if _timed(each) and setting(each.cell) == usual]
        common = {each.cell.measure: each for each in reversed(timed)}
        if not scored and not common:
            continue
        if _size(own[0].cell) in counted:
            common["complexity"] = counted[_size(own[0].cell)]
        for crop in sorted(scored) or [crop_of(own[0])]:
            found = {**common, "accuracy": scored[crop]} if crop in scored else common
            yield Line(crop, own[0], found)

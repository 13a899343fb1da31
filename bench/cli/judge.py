"""Which records the gates of a run are judged by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bench.machine.identity import ANY_MACHINE
from bench.plan.state import PlannedCell
from bench.spec.record import Measured, Record


@dataclass(frozen=True, slots=True)
class Evidence:
    """The newest measured record of every selected cell, and the records of tonight and before.

    The gate `reported` is about `newest`, whenever it was measured; `last_night` holds `tonight`
    against `earlier`.
    """

    newest: tuple[Record, ...]
    tonight: tuple[Record, ...]
    earlier: tuple[Record, ...]


def evidence(
    planned: Sequence[PlannedCell], records: Iterable[Record], machine: str, began: datetime
) -> Evidence:
    """Choose among the records of this machine those of the planned cells; `began` is that of the night.

    A cell that was done already and has no record of tonight is not part of the night, so it cannot
    have vanished from it.
    """
    keys = {each.cell.key for each in planned}
    own = [each for each in records if each.cell_key in keys and each.host.machine in {machine, ANY_MACHINE}]
    tonight = [each for each in own if _started(each) >= began]
    asked = {each.cell.key for each in planned if each.state != "done"}
    asked |= {each.cell_key for each in tonight}
    earlier = [each for each in own if _started(each) < began and each.cell_key in asked]
    return Evidence(_newest_measured(own), tuple(tonight), tuple(earlier))


def _newest_measured(records: Iterable[Record]) -> tuple[Record, ...]:
    measured = sorted((each for each in records if isinstance(each.outcome, Measured)), key=_started)
    return tuple({each.cell_key: each for each in measured}.values())


def _started(record: Record) -> datetime:
    return datetime.fromisoformat(record.provenance.started_utc)

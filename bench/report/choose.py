"""Which record stands for a planned cell, machine by machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.machine.identity import ANY_MACHINE
from bench.spec.cell import Cell
from bench.spec.record import Measured, Record

Attempts = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Section:
    """One machine with the record that stands for each of its cells, in plan order.

    `before` holds by cell key the last measured record before the one that stands, where there is one.
    """

    machine: str
    records: tuple[Record, ...]
    before: Mapping[str, Record]

    @property
    def title(self) -> str:
        """Machine and device by name: `nvidia-h100-80gb-hbm3 (NVIDIA H100 80GB HBM3)`."""
        hosts = [each.host for each in self.records if each.host.machine == self.machine]
        gpus = {host.gpu for host in hosts if host.device == "cuda"}
        names = sorted(name for name in gpus or {host.cpu for host in hosts} if name)
        return f"{self.machine} ({', '.join(names)})" if names else self.machine


def sections(cells: Sequence[Cell], records: Iterable[Record]) -> tuple[Section, ...]:
    """Group the records of planned cells by machine, one record per cell.

    What is the same on every machine stands in every section. The newest measured record of a cell
    wins; without one, the newest failed.
    """
    place = {cell.key: number for number, cell in enumerate(cells)}
    attempts: dict[Attempts, list[Record]] = {}
    for record in records:
        if record.cell_key in place:
            attempts.setdefault((record.host.machine, record.cell_key), []).append(record)
    ranked = {key: _ranked(listed) for key, listed in attempts.items()}
    best = {key: listed[-1] for key, listed in ranked.items()}
    machines = sorted({machine for machine, _ in best} - {ANY_MACHINE}) or [ANY_MACHINE][: len(best)]
    return tuple(
        Section(machine, tuple(_of_machine(best, machine, place)), _before(ranked, machine))
        for machine in machines
    )


def _ranked(attempts: Sequence[Record]) -> Sequence[Record]:
    """Sort failed before measured, then by time, each record once."""
    if len(attempts) == 1:
        return attempts
    return list({_rank(record): record for record in sorted(attempts, key=_rank)}.values())


def _before(ranked: Mapping[Attempts, Sequence[Record]], machine: str) -> dict[str, Record]:
    own = {key: listed for (where, key), listed in ranked.items() if where == machine and len(listed) > 1}
    return {key: listed[-2] for key, listed in own.items() if isinstance(listed[-2].outcome, Measured)}


def _of_machine(
    best: Mapping[tuple[str, str], Record], machine: str, place: Mapping[str, int]
) -> Iterator[Record]:
    """Yield the records of one machine and those that hold on every machine, in plan order."""
    for cell_key in place:
        record = best.get((machine, cell_key)) or best.get((ANY_MACHINE, cell_key))
        if record is not None:
            yield record


def _rank(record: Record) -> tuple[bool, str, str]:
    measured = isinstance(record.outcome, Measured)
    return measured, record.provenance.started_utc, record.model_dump_json()

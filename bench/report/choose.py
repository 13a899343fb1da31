"""Which record stands for a planned cell, machine by machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.spec.cell import Cell
from bench.spec.record import Measured, Record


@dataclass(frozen=True, slots=True)
class Section:
    """One machine with the record that stands for each of its cells, in plan order."""

    machine: str
    records: tuple[Record, ...]

    @property
    def title(self) -> str:
        """Machine and device by name: `nvidia-h100-80gb-hbm3 (NVIDIA H100 80GB HBM3)`."""
        hosts = [record.host for record in self.records]
        gpus = {host.gpu for host in hosts if host.device == "cuda"}
        names = sorted(name for name in gpus or {host.cpu for host in hosts} if name)
        return f"{self.machine} ({', '.join(names)})" if names else self.machine


def sections(cells: Sequence[Cell], records: Iterable[Record]) -> tuple[Section, ...]:
    """Group the records of planned cells by machine, one record per cell.

    The newest measured record of a cell wins; without one, the newest failed.
    """
    place = {cell.key: number for number, cell in enumerate(cells)}
    best: dict[tuple[str, str], Record] = {}
    for record in records:
        key = (record.host.machine, record.cell_key)
        if record.cell_key in place and (key not in best or _rank(record) > _rank(best[key])):
            best[key] = record
    groups: dict[str, list[Record]] = {}
    for machine, cell_key in sorted(best, key=lambda key: (key[0], place[key[1]])):
        groups.setdefault(machine, []).append(best[machine, cell_key])
    return tuple(Section(machine, tuple(group)) for machine, group in groups.items())


def _rank(record: Record) -> tuple[bool, str, str]:
    measured = isinstance(record.outcome, Measured)
    return measured, record.provenance.started_utc, record.model_dump_json()

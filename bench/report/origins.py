"""Which rows of a table come from which machine and software, where these are not all the same."""

from __future__ import annotations

from collections.abc import Iterable

from bench.spec.comparability import conditions, named
from bench.spec.record import Record


class Origins:
    """Knows what differs among the records of one table, counts apart from everything else."""

    def __init__(self, records: Iterable[Record]) -> None:
        seen: dict[tuple[bool, str], set[object]] = {}
        for record in records:
            for name, value in conditions(record.host, record.cell.measure).items():
                seen.setdefault((record.cell.portable, name), set()).add(value)
        self._mixed = {key for key, values in seen.items() if len(values) > 1}

    def of(self, *records: Record) -> tuple[str, ...]:
        """Return the notes of a row made of these records; nothing where the table is of one kind."""
        found = {record.cell.measure: text for record in records if (text := self._text(record))}
        moving = [record for record in records if not record.cell.portable] or records
        if len(set(found.values())) == 1 and len(found) == len(moving):
            return tuple(set(found.values()))
        return tuple(f"{measure}: {text}" for measure, text in found.items())

    def _text(self, record: Record) -> str:
        own = conditions(record.host, record.cell.measure).items()
        mixed = [named(name, value) for name, value in own if (record.cell.portable, name) in self._mixed]
        return f"measured with {', '.join(mixed)}" if mixed else ""

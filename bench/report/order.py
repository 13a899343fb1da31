"""The order of rows: what is compared stands together, whatever was measured first."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from bench.spec.record import Record


def by_family(records: Sequence[Record]) -> tuple[Record, ...]:
    """Sort by task and protocol as planned, then family, parameters, checkpoint and input size.

    No measured value decides, so that rows keep their place from night to night; what is equal
    in all of these stays in the order of the plan.
    """
    tasks = _places(record.cell.task for record in records)
    protocols = _places(record.cell.protocol for record in records)
    return tuple(
        sorted(
            records,
            key=lambda record: (
                tasks[record.cell.task],
                protocols[record.cell.protocol],
                *_model(record),
                *size_order(record),
            ),
        )
    )


def size_order(record: Record) -> tuple[int, int]:
    """Return what sorts input sizes: pixels, then height."""
    return record.cell.height_px * record.cell.width_px, record.cell.height_px


def _model(record: Record) -> tuple[str, int, str, str]:
    card = record.provenance.card
    return card.family.casefold(), card.params, card.label, card.key


def _places(values: Iterable[Hashable]) -> dict[Hashable, int]:
    return {value: place for place, value in enumerate(dict.fromkeys(values))}

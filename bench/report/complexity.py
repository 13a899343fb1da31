"""Parameters and MACs: what was counted, and how it stands to what is reported."""

from __future__ import annotations

from collections.abc import Sequence

from bench.catalog.reported import Reported
from bench.compare.pairing import claims
from bench.metrics.complexity import MACS_SLACK_RATIO
from bench.metrics.registry import metrics
from bench.report import words
from bench.report.against import lines
from bench.report.origins import Origins
from bench.report.table import MISSING, Footnotes, Table, columns
from bench.spec.record import Measured, Record

COUNTED = ("params", "macs", "macs_fvcore", "macs_dispatcher", "macs_disagreement_percent")
COUNTED_COLUMNS = columns(
    ("Model", "Size (px)"), tuple(metrics()[name].title for name in COUNTED), ("Notes",)
)
COUNTED_INTRO = (
    "One image, with the classification head. MACs are multiply-accumulates (many papers call them FLOPs), "
    "counted twice by independent counters; how far these are apart says how much the figure can be trusted."
)
AGAINST_COLUMNS = columns(
    ("Model", "Size (px)", "Metric"), ("Measured", "Reported", "Difference"), ("Verdict", "Source")
)
AGAINST_INTRO = (
    "Parameters in millions (M), MACs in billions (G). Reproduced: within half a printed digit, for MACs "
    f"plus {MACS_SLACK_RATIO:.0%}, because counters differ on normalisation and activations."
)


def complexity_tables(records: tuple[Record, ...], reported: Sequence[Reported]) -> tuple[Table, ...]:
    """Return the table of counts and the table against reported values, or nothing without records."""
    counted = words.of_measure(records, "complexity")
    return (_counts(counted), _against(counted, reported)) if counted else ()


def _counts(records: Sequence[Record]) -> Table:
    notes, origins = Footnotes(), Origins(records)
    rows = tuple(
        (
            record.provenance.card.label,
            words.size(record.cell),
            *(_value(record, name) for name in COUNTED),
            notes.mark(*words.flags(record), *origins.of(record)).strip(),
        )
        for record in records
    )
    return Table("Parameters and MACs", COUNTED_COLUMNS, rows, COUNTED_INTRO, notes.texts)


def _against(records: Sequence[Record], reported: Sequence[Reported]) -> Table:
    notes, origins = Footnotes(), Origins(records)
    rows: list[tuple[str, ...]] = []
    for record in records:
        label = record.provenance.card.label + notes.mark(*origins.of(record))
        head = (label, words.size(record.cell))
        rows += lines(head, claims(record, reported), notes)
    title = "Parameters and MACs against reported values"
    return Table(title, AGAINST_COLUMNS, tuple(rows), AGAINST_INTRO, notes.texts)


def _value(record: Record, name: str) -> str:
    outcome = record.outcome
    held = isinstance(outcome, Measured) and name in outcome.values
    return metrics()[name].show(outcome.values[name]) if held and isinstance(outcome, Measured) else MISSING

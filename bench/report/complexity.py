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
from bench.report.table import MISSING, Footnotes, Table, columns, once, without_empty
from bench.spec.record import Measured, Record

COUNTED = ("params", "macs", "macs_dispatcher", "macs_disagreement_percent")
COUNTED_COLUMNS = columns(
    ("Model", "Size (px)"), tuple(metrics()[name].title for name in COUNTED), ("Notes",)
)
COUNTED_INTRO = (
    "One image, with the classification head. MACs are multiply-accumulates (many papers call them FLOPs), "
    "counted twice by independent counters: MACs are those of fvcore, which the published figures were made "
    "with, and how far torch's dispatcher is from it says how much the figure can be trusted."
)
AGAINST_COLUMNS = columns(
    ("Model", "Size (px)", "Metric"), ("Measured", "Reported", "Difference"), ("Verdict", "Source")
)
AGAINST_INTRO = (
    "M: millions, G: billions. Reproduced: within half a printed digit, for MACs "
    f"plus {MACS_SLACK_RATIO:.0%}, because counters differ on normalisation and activations."
)


def complexity_tables(records: tuple[Record, ...], reported: Sequence[Reported]) -> tuple[Table, ...]:
    """Return the table of counts and the table against reported values, or nothing without records."""
    counted = words.of_measure(records, "complexity")
    return (_counts(counted), *_against(counted, reported)) if counted else ()


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
    return without_empty(
        Table("Parameters and MACs", COUNTED_COLUMNS, once(rows), COUNTED_INTRO, notes.texts)
    )


def _against(records: Sequence[Record], reported: Sequence[Reported]) -> tuple[Table, ...]:
    """Return the claims that have a reported value; the others stand among the counts."""
    notes, origins = Footnotes(), Origins(records)
    rows: list[tuple[str, ...]] = []
    left_out = 0
    for record in records:
        found = claims(record, reported)
        told = [claim for claim in found if claim.reported is not None]
        left_out += len(found) - len(told)
        if told:
            label = record.provenance.card.label + notes.mark(*origins.of(record))
            rows += lines((label, words.size(record.cell)), told, notes)
    intro = AGAINST_INTRO
    if left_out:
        intro += f" Left out: {words.plural(left_out, 'figure')} that no source reports."
    title = "Parameters and MACs against reported values"
    return (Table(title, AGAINST_COLUMNS, tuple(rows), intro, notes.texts),) if rows else ()


def _value(record: Record, name: str) -> str:
    outcome = record.outcome
    held = isinstance(outcome, Measured) and name in outcome.values
    return metrics()[name].show(outcome.values[name]) if held and isinstance(outcome, Measured) else MISSING

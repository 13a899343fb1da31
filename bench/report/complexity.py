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


def _title(name: str) -> str:
    return metrics()[name].title


# the formula of records that do not name one
FVCORE = "fvcore"
COUNTED_COLUMNS = (
    *columns(("Model", "Size (px)"), (_title("params"), _title("macs")), ("Formula",)),
    *columns((), (_title("macs_performed"), _title("macs_disagreement_percent")), ("Notes",)),
)
COUNTED_INTRO = (
    "One image: a classifier with its head, a detector with 1,000 boxes and 100 masks, a segmentor without "
    "auxiliary head. MACs are multiply-accumulates (many papers call them FLOPs), "
    "by the formula that the published figures were made with: fvcore, or the authors' own counter, which "
    "for selective scans counts in another unit (VMamba's) or leaves out directions (LocalVim's). MACs "
    "performed: every multiply-accumulate once, all directions, 4 N + 2 per token and channel of a scan with "
    "N states, without normalisation; counted by torch's dispatcher, and how far fvcore is from it says how "
    "much the figure can be trusted."
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
            _value(record, "params"),
            _value(record, "macs"),
            _formula(record),
            # until scans were counted these were the same figure under one name
            _value(record, "macs_performed", "macs_dispatcher"),
            _value(record, "macs_disagreement_percent"),
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


def _value(record: Record, *names: str) -> str:
    """Return the first of these figures that the record holds, as it is shown."""
    values = record.outcome.values if isinstance(record.outcome, Measured) else {}
    return next((metrics()[name].show(values[name]) for name in names if name in values), MISSING)


def _formula(record: Record) -> str:
    if not isinstance(record.outcome, Measured) or "macs" not in record.outcome.values:
        return MISSING
    return str(record.outcome.details.get("formula_name", FVCORE))

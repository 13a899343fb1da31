"""Lines that put measured values beside every reported one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from bench.catalog.reported import Reported
from bench.compare.pairing import Claim
from bench.compare.verdict import Status
from bench.metrics.metric import Metric, rounded
from bench.report import words
from bench.report.table import MISSING, Footnotes
from bench.spec.record import Measured

EXPLAINED: tuple[Status, ...] = ("near", "above", "below", "not comparable")


def lines(
    head: Sequence[str], claims: Sequence[Claim], notes: Footnotes, measured_note: str | None = None
) -> list[tuple[str, ...]]:
    """Return one line per claim; `head` and the measured value stand only where they begin.

    Cells after `head`: metric, measured, reported, difference, verdict, source. A metric that has
    neither a measured nor a reported value has no line, unless nothing else has.
    """
    told = [claim for claim in claims if claim.measured is not None or claim.reported is not None]
    found: list[tuple[str, ...]] = []
    for _, group in groupby(told or claims[:1], key=lambda claim: claim.metric.name):
        for number, claim in enumerate(group):
            measured = _measured(claim) + notes.mark(measured_note)
            start = (claim.metric.title, measured) if number == 0 else ("", "")
            found.append((*(head if not found else [""] * len(head)), *start, *_reported(claim, notes)))
    return found


def _measured(claim: Claim) -> str:
    if claim.measured is None:
        return MISSING
    text = claim.metric.show(claim.measured)
    outcome = claim.record.outcome
    error = claim.metric.name.replace("_percent", "_stderr_percent")
    if error != claim.metric.name and isinstance(outcome, Measured) and error in outcome.values:
        return f"{text} ± {claim.metric.show(outcome.values[error])}"
    return text


def _reported(claim: Claim, notes: Footnotes) -> tuple[str, str, str, str]:
    row, verdict = claim.reported, claim.verdict
    if row is None:
        return MISSING, MISSING, verdict.status, MISSING
    value = row.text if row.unit == claim.metric.unit else f"{row.text} {row.unit}"
    reason = verdict.reason if verdict.status in EXPLAINED else None
    crop = _unstated_crop(claim, row) if verdict.status != "not comparable" else None
    return (
        value + notes.mark(row.note),
        _difference(claim, row),
        verdict.status + notes.mark(reason, crop),
        words.source(row, claim.record.provenance.card),
    )


def _unstated_crop(claim: Claim, row: Reported) -> str | None:
    stated = row.crop_pct is not None or claim.metric.measure != "accuracy"
    return None if stated else "compared although the source does not state its crop"


def _difference(claim: Claim, row: Reported) -> str:
    difference = claim.verdict.difference
    if difference is None:
        return MISSING
    decimals = max(_decimals(claim.metric, row), -int(row.value.as_tuple().exponent))
    text = rounded(difference, decimals)
    return text if text.startswith("-") or not text.strip("0.") else f"+{text}"


def _decimals(metric: Metric, row: Reported) -> int:
    return metric.decimals if row.unit == metric.unit else 0

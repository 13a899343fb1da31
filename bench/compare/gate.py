"""Which comparisons make a run end with exit code 3."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Literal, get_args

from bench.catalog.reported import Reported
from bench.compare.night import Change, changes
from bench.compare.pairing import Claim, claims
from bench.metrics.metric import rounded
from bench.spec.record import Record

Gate = Literal["reported", "last_night"]
GATES: tuple[Gate, ...] = get_args(Gate)

MISSED = ("above", "below")
MET = ("reproduced", "near")
WORSE = ("slower", "changed", "vanished")


def failed_comparisons(
    gates: Collection[Gate],
    newest: Sequence[Record] = (),
    reported: Sequence[Reported] = (),
    tonight: Sequence[Record] = (),
    earlier: Sequence[Record] = (),
) -> tuple[str, ...]:
    """Return one line for every comparison that fails one of the gates; nothing means all pass.

    `reported`: a complete accuracy or complexity figure of `newest` is above or below every comparable
    reported value. Sources contradict each other (DeiT-Ti has 5 M or 6 M parameters), so agreeing with one
    of them is enough. `last_night`: a cell of `tonight` is slower than in `earlier`, changed or vanished.
    """
    found: list[str] = []
    if "reported" in gates:
        for record in newest:
            found += _missed(claims(record, reported))
    if "last_night" in gates:
        found += [_line(change) for change in changes(tonight, earlier) if change.status in WORSE]
    return tuple(found)


def _missed(found: Iterable[Claim]) -> Iterator[str]:
    for name, group in groupby(found, key=lambda claim: claim.metric.name):
        comparable = [claim for claim in group if claim.verdict.status in (*MISSED, *MET)]
        if comparable and all(claim.verdict.status in MISSED for claim in comparable):
            yield from (f"{claim.record.cell.name}: {name} {_words(claim)}" for claim in comparable)


def _words(claim: Claim) -> str:
    row, verdict = claim.reported, claim.verdict
    if row is None or claim.measured is None or verdict.difference is None:
        return verdict.status
    measured = rounded(claim.metric.in_unit(claim.measured, row.unit), 3)
    return f"{measured} is {verdict.status} the {row.text} {row.unit} of {row.source} ({verdict.reason})"


def _line(change: Change) -> str:
    return f"{change.cell.name}: {change.status} since the last night: {change.reason}"

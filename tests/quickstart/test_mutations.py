"""Every bug that could hide on the way from data to verdict turns the verdict, planted one at a time."""

from __future__ import annotations

import sys

import pytest

from bench.compare.gate import MET, MISSED
from bench.spec.record import Measured, Record
from tests.quickstart.conftest import Evaluate, need_extra
from tests.quickstart.detecting import DETECTING
from tests.quickstart.evaluating import cells, compared, failures
from tests.quickstart.mixing import MIXING
from tests.quickstart.planting import Mutation
from tests.quickstart.reading import READING
from tests.quickstart.segmenting import SEGMENTING

BUGS = (*READING, *MIXING, *DETECTING, *SEGMENTING)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: f"{bug.model}: {bug.what}")
def test_a_planted_bug_turns_the_verdict(
    bug: Mutation, evaluate: Evaluate, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_extra(bug.model)
    bug.plant(monkeypatch)
    record = evaluate(bug.model, bug.stage)
    # a figure, and not a refusal to measure one
    assert isinstance(record.outcome, Measured), record.outcome.message
    sys.stdout.write(f"\n| {bug.model} | {bug.what} | {told(record)} |\n")
    assert any(claim.verdict.status in MISSED for claim in compared(record))
    assert failures(record)


@pytest.mark.parametrize("model", cells())
def test_without_a_bug_every_figure_is_the_known_one(model: str, evaluate: Evaluate) -> None:
    need_extra(model)
    # with the predictions that bugs in scoring are shown
    record = evaluate(model, "scoring")
    assert isinstance(record.outcome, Measured), record.outcome.message
    statuses = {claim.metric.name: claim.verdict.status for claim in compared(record)}
    assert statuses
    # near on another CPU, where a few images may be decided the other way
    assert set(statuses.values()) <= set(MET), statuses
    assert not failures(record)


def told(record: Record) -> str:
    """Return what every headline figure was and is, and its verdict; `pytest -s` shows the table of all."""
    return "; ".join(
        f"{claim.metric.label} {claim.reported.text} -> {claim.metric.show(claim.measured)}, "
        f"{claim.verdict.status}"
        for claim in compared(record)
        if claim.metric.headline and claim.reported and claim.measured is not None
    )

"""Gates fail on what a gate is for, and say it in one line each."""

from __future__ import annotations

from collections.abc import Callable

from bench.catalog.reported import Reported
from bench.compare.gate import GATES, failed_comparisons
from bench.spec.record import Failed, Record

MakeRecord = Callable[..., Record]
MakeReported = Callable[..., Reported]
TONIGHT = "2026-05-02T01:00:00.000+00:00"


def accuracy(record: MakeRecord, top1: float, images: int = 50_000) -> Record:
    return record(values={"top1_percent": top1, "images": images})


def test_far_from_the_reported_value_fails(record: MakeRecord, row: MakeReported) -> None:
    assert failed_comparisons(GATES, [accuracy(record, 80.1)], [row()]) == (
        "mambaout_tiny/imagenet/224x224/fp32/accuracy: top1_percent 80.100 is below the 82.7 % of A paper "
        "(further away than 0.3 points)",
    )


def test_near_partial_failed_and_unreported_pass(record: MakeRecord, row: MakeReported) -> None:
    newest = [
        accuracy(record, 82.5),
        accuracy(record, 10.0, images=500),
        record(outcome=Failed(reason="missing_data", message="Put it there.")),
        record("throughput", {"throughput_img_s": 1.0}),
    ]
    rows = [row(), row(id="speed", metric="throughput_img_s", text="9999", unit="img/s")]
    assert failed_comparisons(["reported"], newest, rows) == ()
    assert failed_comparisons(["reported"], [accuracy(record, 10.0)], []) == ()


def test_sources_that_contradict_each_other_cannot_fail_everyone(
    record: MakeRecord, row: MakeReported
) -> None:
    counted = record("complexity", {"params": 5_717_416}, checkpoint="deit_tiny")
    five, six = (
        row(id=text, checkpoint="deit_tiny", metric="params", text=text, unit="M") for text in ("5", "6")
    )
    assert failed_comparisons(["reported"], [counted], [five, six]) == ()
    (line,) = failed_comparisons(["reported"], [counted], [five])
    assert "params 5.717 is above the 5 M of A paper" in line


def test_worse_than_last_night_fails_and_better_does_not(record: MakeRecord) -> None:
    def step(seconds: float, **fields: str) -> Record:
        return record("throughput", {"step_s": seconds}, **fields)

    before = [step(1.0), record("memory", {"peak_allocated_bytes": 1})]
    slower = failed_comparisons(["last_night"], tonight=[step(1.2, at=TONIGHT)], earlier=before)
    assert slower == (
        "mambaout_tiny/imagenet/224x224/fp32/memory: vanished since the last night: "
        "measured before, not part of tonight",
        "mambaout_tiny/imagenet/224x224/fp32/throughput: slower since the last night: "
        "1.200 of the time before",
    )
    assert failed_comparisons(["last_night"], tonight=[step(0.8, at=TONIGHT)], earlier=before[:1]) == ()
    assert failed_comparisons([], tonight=[step(1.2, at=TONIGHT)], earlier=before) == ()

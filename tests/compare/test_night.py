"""Tonight against the last records of the same comparability class."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from bench.compare.night import changes
from bench.spec.record import Failed, Measured, Record

MakeRecord = Callable[..., Record]
LAST = "2026-05-01T01:00:00.000+00:00"
OLDER = "2026-04-30T01:00:00.000+00:00"
TONIGHT = "2026-05-02T01:00:00.000+00:00"


def timed(record: MakeRecord, *step_s: float, **fields: Any) -> Record:
    return record("throughput", outcome=Measured(values={}, samples={"step_s": step_s}), **fields)


def only(tonight: list[Record], earlier: list[Record]) -> tuple[str, str]:
    (change,) = changes(tonight, earlier)
    return change.status, change.reason


@pytest.mark.parametrize(
    ("before", "now", "status", "reason"),
    [
        ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), "same", "1.000 of the time before, within 3%"),
        ((1.0, 1.0, 1.0), (1.03, 1.03, 1.03), "same", "1.030 of the time before, within 3%"),
        ((1.0, 1.0, 1.0), (1.04, 1.04, 1.04), "slower", "1.040 of the time before"),
        ((1.0, 1.0, 1.0), (0.9, 0.9, 0.9), "faster", "0.900 of the time before"),
        ((0.8, 1.0, 1.2), (1.0, 1.15, 1.3), "same", "1.150 of the time before, but the quartiles overlap"),
        ((0.8, 1.0, 1.2), (1.2, 1.5, 1.8), "slower", "1.500 of the time before"),
    ],
)
def test_speed_needs_more_than_the_floor_and_disjoint_quartiles(
    record: MakeRecord, before: tuple[float, ...], now: tuple[float, ...], status: str, reason: str
) -> None:
    assert only([timed(record, *now, at=TONIGHT)], [timed(record, *before)]) == (status, reason)


def test_speed_without_samples_uses_median_and_range(record: MakeRecord) -> None:
    before = record("latency", {"latency_s": 0.010, "latency_iqr_s": 0.0002})
    now = record("latency", {"latency_s": 0.011, "latency_iqr_s": 0.0002}, at=TONIGHT)
    assert only([now], [before]) == ("slower", "1.100 of the time before")
    wide = record("latency", {"latency_s": 0.011, "latency_iqr_s": 0.003}, at=TONIGHT)
    assert only([wide], [before])[0] == "same"
    assert only([record("latency", {}, at=TONIGHT)], [before])[0] == "no earlier record"


@pytest.mark.parametrize(("measure", "name"), [("fps", "fps"), ("backbone_throughput", "backbone")])
def test_detectors_and_their_backbones_are_compared_by_their_own_times(
    record: MakeRecord, measure: str, name: str
) -> None:
    def taken(seconds: float, at: str) -> Record:
        samples = {f"{name}_step_s": (seconds,) * 4, "step_s": (1.0,) * 4}
        return record(measure, outcome=Measured(values={}, samples=samples), at=at)

    before = taken(0.050, LAST)
    assert only([taken(0.060, TONIGHT)], [before])[0] == "slower"
    assert only([taken(0.0502, TONIGHT)], [before])[0] == "same"


def test_memory_is_compared_to_the_byte(record: MakeRecord) -> None:
    before = record("memory", {"peak_allocated_bytes": 1_000_000, "peak_device_bytes": 5})
    same = record("memory", {"peak_allocated_bytes": 1_000_000, "peak_device_bytes": 6}, at=TONIGHT)
    more = record("memory", {"peak_allocated_bytes": 1_000_001}, at=TONIGHT)
    assert only([same], [before]) == ("same", "exactly equal")
    assert only([more], [before]) == ("changed", "Peak allocated from 1,000,000 to 1,000,001")
    neither = record("memory", {"peak_process_bytes": 1}, at=TONIGHT)
    assert only([neither], [before]) == ("no earlier record", "the two records share no figure to compare")


def test_correct_counts_are_compared_exactly(record: MakeRecord) -> None:
    before = record(values={"top1_correct": 41_371, "top5_correct": 48_000, "images": 50_000})
    now = record(values={"top1_correct": 41_370, "top5_correct": 48_000, "images": 50_000}, at=TONIGHT)
    assert only([now], [before]) == ("changed", "Top-1 correct images from 41,371 to 41,370")


def test_equal_counts_of_other_images_have_changed(record: MakeRecord) -> None:
    def scored(bits: int, order: str = "abc", **fields: Any) -> Record:
        details = {"correct_top1_bits": base64.b64encode(bytes([bits])).decode(), "order_digest": order}
        values = {"top1_correct": 1, "images": 8}
        return record(outcome=Measured(values=values, details=details), **fields)

    moved = only([scored(0b0000_0001, at=TONIGHT)], [scored(0b1000_0000)])
    assert moved == ("changed", "2 images are now right or wrong that were not")
    reordered = only([scored(0b1000_0000, "cba", at=TONIGHT)], [scored(0b1000_0000)])
    assert reordered == ("changed", "other images, or another order")


def test_the_newest_record_of_the_same_class_is_the_last_one(record: MakeRecord) -> None:
    now = record("complexity", {"params": 5}, at=TONIGHT)
    earlier = [
        record("complexity", {"params": 4}, at=OLDER),
        record("complexity", {"params": 5}, at=LAST),
        record("complexity", {"params": 7}, at=LAST, host={"torch": "2.11.0"}),
    ]
    assert only([now], earlier) == ("same", "exactly equal")
    assert only([now], earlier[:1])[0] == "changed"


def test_another_class_is_no_earlier_record_and_says_what_differs(record: MakeRecord) -> None:
    status, reason = only(
        [timed(record, 1.0, at=TONIGHT)], [timed(record, 1.0, host={"driver": "570.2", "torch": "2.11.0"})]
    )
    assert status == "no earlier record"
    assert reason == (
        "the last one was taken under other conditions: driver 570.2 against 580.159.04, "
        "torch 2.11.0 against 2.14.1+cu130"
    )


def test_new_vanished_and_failed_cells(record: MakeRecord) -> None:
    failed = Failed(reason="crash", message="signal 11")
    tonight = [
        timed(record, 1.0, at=TONIGHT),
        record("memory", outcome=failed, at=TONIGHT),
        record("latency", outcome=failed, at=TONIGHT),
    ]
    earlier = [record("memory", {"peak_allocated_bytes": 1}), record("complexity", {"params": 1})]
    earlier += [record("latency", outcome=failed)]
    found = {change.cell.measure: (change.status, change.reason) for change in changes(tonight, earlier)}
    assert found == {
        "throughput": ("new", "measured for the first time"),
        "memory": ("vanished", "no result tonight: signal 11"),
        "latency": ("no earlier record", "no result tonight: signal 11"),
        "complexity": ("vanished", "measured before, not part of tonight"),
    }


def test_changes_do_not_depend_on_the_order_of_records(record: MakeRecord) -> None:
    tonight = [timed(record, 1.0, at=TONIGHT), record("memory", {"peak_allocated_bytes": 1}, at=TONIGHT)]
    earlier = [timed(record, 1.0), timed(record, 2.0, at=OLDER), record("complexity", {"params": 1})]
    assert changes(tonight, earlier) == changes(tonight[::-1], earlier[::-1])


def test_latency_under_another_python_is_no_earlier_record(record: MakeRecord) -> None:
    before = record("latency", {"latency_s": 0.010}, host={"python": "3.13.0", "cpu": "Xeon"})
    now = record("latency", {"latency_s": 0.020}, at=TONIGHT)
    assert only([now], [before]) == (
        "no earlier record",
        "the last one was taken under other conditions: CPU Xeon against AMD EPYC 9554, "
        "Python 3.13.0 against 3.11.9",
    )


@pytest.mark.parametrize(
    ("switch", "name"), [("cudnn_benchmark", "cuDNN search"), ("cudnn_deterministic", "deterministic cuDNN")]
)
def test_other_choices_of_cudnn_are_no_earlier_record(record: MakeRecord, switch: str, name: str) -> None:
    then, now = (
        record("memory", {"peak_allocated_bytes": size}, at=at, switches={switch: on})
        for size, at, on in ((5, LAST, True), (6, TONIGHT, False))
    )
    reason = f"the last one was taken under other conditions: {name} on against off"
    assert only([now], [then]) == ("no earlier record", reason)

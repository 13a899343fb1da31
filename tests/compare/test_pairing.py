"""Rows are matched by what they speak about, and refused where conditions differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from bench.catalog.reported import Reported
from bench.compare.pairing import claims, crop_of
from bench.spec.record import Failed, FailureKind, Measured, Record

MakeRecord = Callable[..., Record]
MakeReported = Callable[..., Reported]
WHOLE = {"top1_percent": 82.742, "top5_percent": 96.1, "images": 50_000}


def top1(record: Record, *rows: Reported) -> list[tuple[str, str]]:
    found = claims(record, rows)
    return [(c.verdict.status, c.verdict.reason) for c in found if c.metric.name == "top1_percent"]


def test_same_conditions_are_judged(record: MakeRecord, row: MakeReported) -> None:
    assert [status for status, _ in top1(record(values=WHOLE), row(crop_pct="1.0"))] == ["reproduced"]


def test_several_reported_values_are_several_claims(record: MakeRecord, row: MakeReported) -> None:
    rows = (row(id="one", text="82.7"), row(id="two", text="82.0"))
    assert [status for status, _ in top1(record(values=WHOLE), *rows)] == ["reproduced", "above"]


@pytest.mark.parametrize(
    "other",
    [
        {"checkpoint": "mambaout_small"},
        {"checkpoint": None},
        {"task": "quickstart"},
        {"height_px": 288, "width_px": 288},
        {"width_px": 288},
        {"metric": "throughput_img_s", "unit": "img/s"},
    ],
)
def test_rows_about_something_else_do_not_speak(
    record: MakeRecord, row: MakeReported, other: Mapping[str, Any]
) -> None:
    found = top1(record(values=WHOLE), row(**other))
    assert found == [("no reported value", "no source speaks about this checkpoint, task and size")]


@pytest.mark.parametrize(
    ("values", "cell", "reported", "reason"),
    [
        (WHOLE, {}, {"crop_pct": "0.9"}, "evaluated with crop 1.0, reported with crop 0.9"),
        (
            WHOLE,
            {"crop_pct": 0.875},
            {"crop_pct": "1.0"},
            "evaluated with crop 0.875, reported with crop 1.0",
        ),
        (WHOLE, {"crop_pct": 0.875}, {}, "crop overridden to 0.875; the source does not state its crop"),
        (WHOLE, {"weights": "random"}, {}, "evaluated with random weights"),
        (
            WHOLE,
            {"weights": "/home/me/mine.pth"},
            {},
            "evaluated with the weights of mine.pth, not the published ones",
        ),
        (
            {**WHOLE, "images": 49_999},
            {},
            {},
            "only 49,999 of 50,000 images were scored, so there is no score",
        ),
        (
            {**WHOLE, "images": 500},
            {"limit_images": 500},
            {},
            "only 500 of 50,000 images were scored, so there is no score",
        ),
        (
            {"top1_percent": 82.7},
            {},
            {},
            "only an unknown number of 50,000 images were scored, so there is no score",
        ),
        ({"images": 50_000}, {}, {}, "the record holds no Top-1"),
    ],
)
def test_other_conditions_are_not_comparable(
    *,
    record: MakeRecord,
    row: MakeReported,
    values: Mapping[str, float],
    cell: Mapping[str, Any],
    reported: Mapping[str, Any],
    reason: str,
) -> None:
    assert top1(record(values=values, **cell), row(**reported)) == [("not comparable", reason)]


def test_the_partial_flag_alone_takes_the_score_away(record: MakeRecord, row: MakeReported) -> None:
    partial = record(outcome=Measured(values=WHOLE, flags=("partial",)))
    (claim, *_) = claims(partial, (row(),))
    assert (claim.measured, claim.verdict.status) == (None, "not comparable")


def test_an_overridden_crop_equal_to_the_reported_one_is_comparable(
    record: MakeRecord, row: MakeReported
) -> None:
    assert top1(record(values=WHOLE, crop_pct=0.9), row(crop_pct="0.900"))[0][0] == "reproduced"


def test_parameters_and_macs_ignore_crop_precision_and_weights(record: MakeRecord, row: MakeReported) -> None:
    counted = record(
        "complexity", {"params": 26_545_096, "macs": 4_486_000_000}, precision="bf16", crop_pct=0.5
    )
    rows = (
        row(id="p", metric="params", text="26.5", unit="M", crop_pct="1.0", precision="fp32"),
        row(id="m", metric="macs", text="4.5", unit="G", crop_pct="1.0"),
    )
    assert [(c.metric.name, c.verdict.status) for c in claims(counted, rows)] == [
        ("params", "reproduced"),
        ("macs", "reproduced"),
    ]


def test_speed_is_never_judged(record: MakeRecord, row: MakeReported) -> None:
    timed = record("throughput", {"throughput_img_s": 4000.0})
    assert claims(timed, (row(metric="throughput_img_s", text="3965", unit="img/s"),)) == ()


@pytest.mark.parametrize(
    ("kind", "status"), [("missing_data", "blocked"), ("missing_weights", "blocked"), ("crash", "failed")]
)
def test_a_cell_without_result_says_why(
    record: MakeRecord, row: MakeReported, kind: FailureKind, status: str
) -> None:
    ended = record(outcome=Failed(reason=kind, message="Put it there."))
    assert top1(ended, row()) == [(status, "Put it there.")]


def test_crop_is_the_published_one_unless_overridden(record: MakeRecord) -> None:
    assert str(crop_of(record(checkpoint="swin_tiny"))) == "0.875"
    assert str(crop_of(record(checkpoint="swin_tiny", crop_pct=0.9))) == "0.9"


def test_parameters_are_those_of_the_network_whatever_the_task(record: MakeRecord, row: MakeReported) -> None:
    counted = record(values={"params": 26_545_096}, measure="complexity")
    elsewhere = row(metric="params", text="26.5", unit="M", task="quickstart")
    (claim, _) = claims(counted, (elsewhere,))
    assert (claim.metric.name, claim.verdict.status) == ("params", "reproduced")

"""A verdict: how a measured value stands to a reported one, and why."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from bench.catalog.reported import Reported
from bench.metrics.metric import Metric

Status = Literal[
    "reproduced",
    "near",
    "above",
    "below",
    "not comparable",
    "no reported value",
    "blocked",
    "failed",
]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A status and its reason; `difference` is measured minus reported, in the printed unit.

    `tolerance` is the largest difference that counts as reproduced, in the same unit.
    """

    status: Status
    reason: str
    difference: Decimal | None = None
    tolerance: Decimal | None = None


def judge(metric: Metric, measured: float, reported: Reported) -> Verdict:
    """Compare a stored value with a reported one whose conditions are the same.

    All arithmetic is decimal and exact; both bounds are inclusive.
    """
    slack = metric.slack + metric.slack_ratio * abs(reported.value)
    tolerance = reported.half_step + slack
    difference = metric.in_unit(measured, reported.unit) - reported.value
    if abs(difference) <= tolerance:
        return Verdict("reproduced", _within(reported, slack), difference, tolerance)
    if metric.near is not None and abs(difference) <= metric.near:
        reason = f"within {metric.near} {_points(metric)}: look at preprocessing"
        return Verdict("near", reason, difference, tolerance)
    reason = (
        f"further away than {_plain(max(tolerance, metric.near or tolerance))} {_points(metric, reported)}"
    )
    return Verdict("above" if difference > 0 else "below", reason, difference, tolerance)


def _within(reported: Reported, slack: Decimal) -> str:
    digit = f"half a printed digit ({_plain(reported.half_step)})"
    return f"within {digit} and slack ({_plain(slack)})" if slack else f"within {digit}"


def _points(metric: Metric, reported: Reported | None = None) -> str:
    return "points" if metric.unit == "%" else (reported.unit if reported else metric.unit)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"

"""Accuracy of a classifier on a whole validation split."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from bench.metrics.metric import Metric

# Same weights on the same images: only decoding, resizing and rounding can differ.
SLACK_POINTS = Decimal("0.05")
NEAR_POINTS = Decimal("0.3")
TOP1 = Metric(
    "top1_percent",
    "Top-1",
    "%",
    2,
    "accuracy",
    True,
    slack=SLACK_POINTS,
    near=NEAR_POINTS,
    kind="classification",
)

METRICS = (
    replace(TOP1, headline=True),
    replace(TOP1, name="top5_percent", label="Top-5"),
    Metric("top1_stderr_percent", "Top-1 standard error", "%", 2, "accuracy", False),
    Metric("top5_stderr_percent", "Top-5 standard error", "%", 2, "accuracy", False),
    Metric("top1_correct", "Top-1 correct images", "", 0, "accuracy", True),
    Metric("top5_correct", "Top-5 correct images", "", 0, "accuracy", True),
    Metric("images", "Images", "", 0, "accuracy"),
)

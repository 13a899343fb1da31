"""Average precision of a detector on COCO, of its boxes and of its masks."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from bench.metrics.metric import Metric

# Same weights on the same images: only decoding, resizing and rounding can differ.
AP = Metric(
    "box_ap_percent",
    "Box AP",
    "%",
    1,
    "accuracy",
    True,
    slack=Decimal("0.1"),
    near=Decimal("0.5"),
    kind="detection",
)
PARTS = {
    "ap": "AP",
    "ap50": "AP50",
    "ap75": "AP75",
    "ap_small": "AP small",
    "ap_medium": "AP medium",
    "ap_large": "AP large",
}
"""What of average precision is told, in the order of the evaluators' first six numbers."""

METRICS = tuple(
    replace(AP, name=f"{what}_{part}_percent", label=f"{what.capitalize()} {label}", headline=part == "ap")
    for what in ("box", "mask")
    for part, label in PARTS.items()
)

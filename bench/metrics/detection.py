"""Average precision of a detector on COCO, of its boxes and of its masks."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from bench.metrics.metric import Metric

# Same weights on the same images: only decoding, resizing and rounding can differ.
AP = Metric("box_ap_percent", "Box AP", "%", 1, "accuracy", True, slack=Decimal("0.1"), near=Decimal("0.5"))

METRICS = tuple(
    replace(AP, name=f"{what}_ap{at}_percent", label=f"{what.capitalize()} AP{at}", headline=not at)
    for what in ("box", "mask")
    for at in ("", "50", "75")
)

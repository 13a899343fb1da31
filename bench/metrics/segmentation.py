"""Mean intersection over union of a segmentor."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from bench.metrics.metric import Metric

# Same weights on the same images: only decoding, resizing and rounding can differ.
MIOU = Metric(
    "miou_percent", "mIoU", "%", 2, "accuracy", True, slack=Decimal("0.1"), near=Decimal("0.5"), headline=True
)

METRICS = (MIOU, replace(MIOU, name="miou_ms_percent", label="mIoU, several scales"))

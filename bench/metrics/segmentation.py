"""Scores of a segmentor: mean intersection over union, mean accuracy of classes, accuracy of pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from bench.metrics.metric import Metric

# Same weights on the same images: only decoding, resizing and rounding can differ.
MIOU = Metric(
    "miou_percent",
    "mIoU",
    "%",
    2,
    "accuracy",
    True,
    slack=Decimal("0.1"),
    near=Decimal("0.5"),
    kind="segmentation",
    scales="single",
)
SEVERAL = ", several scales"


def _both_scales(metric: Metric) -> Iterator[Metric]:
    yield metric
    name = metric.name.replace("_percent", "_ms_percent")
    yield replace(metric, name=name, label=metric.label + SEVERAL, scales="multi", headline=False)


METRICS = (
    *_both_scales(replace(MIOU, headline=True)),
    *_both_scales(replace(MIOU, name="macc_percent", label="Mean class accuracy")),
    *_both_scales(replace(MIOU, name="aacc_percent", label="Pixel accuracy")),
)

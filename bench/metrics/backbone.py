"""Speed of the backbone alone, as a detector or segmentor has it: from images to its maps."""

from __future__ import annotations

from bench.metrics.metric import Metric

METRICS = (
    Metric(
        "backbone_img_s",
        "Backbone throughput",
        "img/s",
        1,
        "backbone_throughput",
        True,
        significant=3,
        step="backbone_step",
    ),
    Metric("backbone_step_s", "Backbone step", "ms", 2, "backbone_throughput", False, significant=3),
    Metric(
        "backbone_step_iqr_s",
        "Interquartile range of the backbone's window means",
        "ms",
        2,
        "backbone_throughput",
        False,
        significant=3,
    ),
)

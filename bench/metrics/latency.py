"""Time of one image, alone in its batch."""

from __future__ import annotations

from bench.metrics.metric import Metric

METRICS = (
    Metric("latency_s", "Latency", "ms", 2, "latency", False, significant=3),
    Metric("latency_p90_s", "Latency, 90th percentile", "ms", 2, "latency", False, significant=3),
    Metric("latency_min_s", "Lowest latency", "ms", 2, "latency", False, significant=3),
    Metric("latency_iqr_s", "Latency interquartile range", "ms", 2, "latency", False, significant=3),
)

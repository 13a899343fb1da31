"""Time of one image, alone in its batch.

Percentiles and ranges are over windows, each of which counts with the mean of its steps.
"""

from __future__ import annotations

from bench.metrics.metric import Metric

METRICS = (
    Metric("latency_s", "Latency", "ms", 2, "latency", False, significant=3, step="latency"),
    Metric("latency_p90_s", "90th percentile of latency", "ms", 2, "latency", False, significant=3),
    Metric("latency_min_s", "Lowest latency", "ms", 2, "latency", False, significant=3),
    Metric("latency_iqr_s", "Interquartile range of latency", "ms", 2, "latency", False, significant=3),
)

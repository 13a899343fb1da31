"""Memory of one forward pass; `peak_allocated_bytes` is the figure that is ranked."""

from __future__ import annotations

from bench.metrics.metric import Metric

METRICS = (
    Metric("peak_allocated_bytes", "Peak allocated", "MiB", 0, "memory", False, significant=3),
    Metric("peak_reserved_bytes", "Peak reserved", "MiB", 0, "memory", False, significant=3),
    Metric("peak_device_bytes", "Peak on device", "MiB", 0, "memory", False, significant=3),
    Metric("warmup_peak_allocated_bytes", "Warm-up peak", "MiB", 0, "memory", False, significant=3),
    Metric(
        "peak_network_allocated_bytes",
        "Peak allocated without post-processing",
        "MiB",
        0,
        "memory",
        False,
        significant=3,
    ),
    Metric("weights_bytes", "Weights", "MiB", 0, "memory", False, significant=3),
    Metric("peak_process_bytes", "Peak of the process", "MiB", 0, "memory", False, significant=3),
)

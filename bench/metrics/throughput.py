"""Speed at a batch that keeps the device busy."""

from __future__ import annotations

from bench.metrics.metric import Metric

METRICS = (
    Metric("throughput_img_s", "Throughput", "img/s", 0, "throughput", True, significant=3, step="step"),
    Metric("step_s", "Step", "ms", 2, "throughput", False, significant=3),
    Metric("step_iqr_s", "Interquartile range of window means", "ms", 2, "throughput", False, significant=3),
    Metric("step_min_s", "Fastest window mean", "ms", 2, "throughput", False, significant=3),
    Metric("batch_images", "Batch", "", 0, "throughput"),
    Metric("wall_gap_percent", "Gap between wall and device clock", "%", 1, "throughput", False),
    Metric("compile_s", "Compilation", "s", 1, "throughput", False),
    Metric("graph_breaks", "Graph breaks", "", 0, "throughput", False),
    Metric("output_rel_error", "Relative error of outputs against eager", "", 6, "throughput", False),
    Metric("energy_j_per_image", "Energy per image", "J", 2, "throughput", False, significant=3),
)

"""Images per second of a whole detector or segmentor, one at a time, with and without post-processing.

Where the line between the two is drawn stands in `bench.tasks.dense.passes`.
"""

from __future__ import annotations

from bench.metrics.metric import Metric

METRICS = (
    Metric("fps_img_s", "FPS", "img/s", 1, "fps", True, significant=3, step="fps_step"),
    Metric(
        "fps_network_img_s",
        "FPS without post-processing",
        "img/s",
        1,
        "fps",
        True,
        significant=3,
        step="fps_network_step",
    ),
    Metric("fps_step_s", "Time of one image", "ms", 2, "fps", False, significant=3),
    Metric("fps_step_iqr_s", "Interquartile range of one image", "ms", 2, "fps", False, significant=3),
    Metric(
        "fps_network_step_s",
        "Time of one image without post-processing",
        "ms",
        2,
        "fps",
        False,
        significant=3,
    ),
    Metric(
        "fps_network_step_iqr_s",
        "Interquartile range of one image without post-processing",
        "ms",
        2,
        "fps",
        False,
        significant=3,
    ),
    Metric("detections", "Detections", "", 0, "fps"),
)

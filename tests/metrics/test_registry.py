"""Every metric is found, named once, and names what the measuring side writes."""

from __future__ import annotations

from pathlib import Path

import pytest

import bench.metrics
from bench.metrics import accuracy, latency
from bench.metrics.metric import Metric
from bench.metrics.registry import metric_named, metrics
from bench.metrics.units import same_kind
from bench.spec.cell import MEASURES, Measure
from bench.spec.errors import UnknownName

WRITTEN: dict[Measure, str] = {
    "accuracy": "top1_percent top5_percent top1_stderr_percent top5_stderr_percent top1_correct "
    "top5_correct images miou_percent macc_percent aacc_percent miou_ms_percent macc_ms_percent "
    "aacc_ms_percent box_ap_percent box_ap50_percent box_ap75_percent box_ap_small_percent "
    "box_ap_medium_percent box_ap_large_percent mask_ap_percent mask_ap50_percent mask_ap75_percent "
    "mask_ap_small_percent mask_ap_medium_percent mask_ap_large_percent",
    "throughput": "throughput_img_s step_s step_iqr_s step_min_s batch_images wall_gap_percent compile_s "
    "graph_breaks output_rel_error energy_j_per_image",
    "latency": "latency_s latency_p90_s latency_min_s latency_iqr_s",
    "fps": "fps_img_s fps_network_img_s fps_step_s fps_step_iqr_s fps_network_step_s fps_network_step_iqr_s "
    "detections",
    "backbone_throughput": "backbone_img_s backbone_step_s backbone_step_iqr_s",
    "memory": "peak_allocated_bytes peak_network_allocated_bytes peak_reserved_bytes peak_device_bytes "
    "warmup_peak_allocated_bytes weights_bytes peak_process_bytes",
    "complexity": "params macs macs_performed macs_fvcore macs_dispatcher macs_disagreement_percent",
}


@pytest.mark.parametrize("measure", MEASURES)
def test_each_measure_has_its_metrics(measure: Measure) -> None:
    names = {metric.name for metric in metrics().values() if metric.measure == measure}
    assert names == set(WRITTEN[measure].split())


def test_a_file_in_the_folder_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "extra_group.py").write_text(
        "from bench.metrics.metric import Metric\n"
        "METRICS = (Metric('flips_percent', 'Flips', '%', 2, 'accuracy', False),)\n"
    )
    monkeypatch.setattr(bench.metrics, "__path__", [*bench.metrics.__path__, str(tmp_path)])
    assert metrics.__wrapped__()["flips_percent"].label == "Flips"


def test_a_name_used_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = Metric("images", "Images", "", 0, "latency")
    monkeypatch.setattr(latency, "METRICS", (taken,))
    with pytest.raises(ValueError, match="two metrics are called 'images'"):
        metrics.__wrapped__()


def test_every_unit_is_known_and_every_name_is_its_key() -> None:
    for name, metric in metrics().items():
        assert metric.name == name
        assert same_kind(metric.unit, metric.unit), name


def test_labels_are_unique() -> None:
    labels = [metric.label for metric in metrics().values()]
    assert len(set(labels)) == len(labels)


def test_an_unknown_name_says_the_nearest() -> None:
    assert metric_named("top1_percent") is accuracy.METRICS[0]
    with pytest.raises(UnknownName) as caught:
        metric_named("top1_precent")
    assert str(caught.value) == "unknown metric 'top1_precent'; did you mean 'top1_percent'?"

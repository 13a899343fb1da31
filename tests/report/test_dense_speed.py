"""Tables of detectors and segmentors: three kinds of images per second that are never one column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.report.choose import sections
from bench.report.table import MISSING, Table
from bench.report.tables import tables
from bench.spec.record import Measured
from tests.records import make_reported

if TYPE_CHECKING:
    from tests.report.conftest import Night

COCO: dict[str, Any] = {
    "task": "coco",
    "height_px": 800,
    "width_px": 1280,
    "precision": "amp_fp16",
    "batch": 1,
}
ADE: dict[str, Any] = {**COCO, "task": "ade20k", "height_px": 512, "width_px": 2048}
DETECTORS = ("mask_rcnn-resnet50", "mask_rcnn-swin_tiny")
MIB = 2**20


def made(night: Night) -> dict[str, Table]:
    (section, *_) = sections(night.cells, night.records)
    return {table.title: table for table in tables(section, night.rows)}


def cells(table: Table, header: str) -> list[str]:
    place = [column.header for column in table.columns].index(header)
    return [row[place] for row in table.rows]


def headers(table: Table) -> list[str]:
    return [column.header for column in table.columns]


def fps(img_s: float, network_img_s: float, **more: float) -> dict[str, float]:
    return {"fps_img_s": img_s, "fps_network_img_s": network_img_s, **more}


def add_detectors(night: Night) -> None:
    for number, key in enumerate(DETECTORS):
        night.add(key, "fps", fps(20.5 + number, 31.25, detections=100.0), **COCO)
        backbone = {"backbone_img_s": 123.4, "backbone_step_s": 0.0324, "backbone_step_iqr_s": 0.000324}
        night.add(key, "backbone_throughput", {**backbone, "batch_images": 4}, **(COCO | {"batch": 4}))
        peaks = {"peak_allocated_bytes": 1500 * MIB, "peak_network_allocated_bytes": 700 * MIB}
        night.add(key, "memory", {**peaks, "batch_images": 1}, **COCO)


SPEED = "Speed and memory: COCO 2017 validation, protocol house, version 1"


def test_fps_backbone_and_memory_of_a_model_share_a_row(night: Night) -> None:
    add_detectors(night)
    found = made(night)
    table = found[SPEED]
    assert len(table.rows) == 2
    assert cells(table, "FPS (img/s)") == ["20.5", "21.5"]
    assert cells(table, "FPS without post-processing (img/s)") == ["31.2", "31.2"]
    assert cells(table, "Detections") == ["100", "100"]
    assert cells(table, "Backbone throughput (img/s)") == ["123.4", "123.4"]
    assert cells(table, "Backbone IQR (%)") == ["1.0", "1.0"]
    assert cells(table, "Peak allocated (MiB)") == ["1,500", "1,500"]
    assert cells(table, "Peak allocated without post-processing (MiB)") == ["700", "700"]
    assert "In every row: precision amp_fp16" in table.intro
    assert "backbone batch 4" in table.intro
    assert "Throughput (img/s)" not in headers(table)
    # the table of classifiers knows nothing of them
    assert not [title for title in found if title.startswith("Speed and memory: protocol")]


def test_every_rate_has_its_spread_and_its_fastest_window_beside_it(night: Night) -> None:
    """Where a host is busy, the median says how busy it was."""
    values = fps(20.0, 40.0, fps_step_s=0.05, fps_step_iqr_s=0.01, fps_network_step_s=0.025)
    samples = {"fps_step_s": (0.04, 0.05, 0.06), "fps_network_step_s": (0.02, 0.025, 0.03)}
    night.add(DETECTORS[0], "fps", Measured(values=values, samples=samples), **COCO)
    batch = COCO | {"batch": 4}
    values = {"backbone_img_s": 100.0, "backbone_step_s": 0.04, "batch_images": 4}
    alone = Measured(values=values, samples={"backbone_step_s": (0.032, 0.04, 0.05)})
    night.add(DETECTORS[0], "backbone_throughput", alone, **batch)
    table = made(night)[SPEED]
    assert cells(table, "FPS IQR (%)") == ["20.0"]
    assert cells(table, "FPS, fastest window (img/s)") == ["25.0"]
    assert cells(table, "FPS without post-processing, fastest window (img/s)") == ["50.0"]
    assert cells(table, "Backbone, fastest window (img/s)") == ["125.0"]
    assert "FPS without post-processing IQR (%)" not in headers(table)
    assert "Fastest window: the rate that the fastest of the timed windows alone would give" in table.intro


def test_the_intro_says_where_the_line_is_and_what_random_weights_find(night: Night) -> None:
    add_detectors(night)
    night.add("upernet-resnet50", "fps", fps(10.0, 12.0), **ADE)
    found = made(night)
    detectors = found[SPEED].intro
    assert "to boxes, labels and masks of the size of the image" in detectors
    assert "no decoding of boxes, no choice of proposals and detections, no pasting of masks" in detectors
    assert "For random weights, which find few or none at the published score threshold, it was" in detectors
    segmentors = found["Speed and memory: ADE20K validation, protocol house, version 1"].intro
    assert "to a class for every pixel" in segmentors
    assert "up to the scores at a quarter of the size" in segmentors
    assert "Detections" not in segmentors


def test_another_batch_of_the_backbone_is_a_row_of_its_own(night: Night) -> None:
    add_detectors(night)
    values = {"backbone_img_s": 150.0, "batch_images": 16}
    night.add(DETECTORS[0], "backbone_throughput", values, **(COCO | {"batch": 16, "default_batch": False}))
    table = made(night)[SPEED]
    assert cells(table, "Backbone batch") == ["4", "16", "4"]
    assert cells(table, "FPS (img/s)") == ["20.5", MISSING, "21.5"]


def test_flags_of_both_passes_are_told_apart(night: Night) -> None:
    night.add(DETECTORS[0], "fps", fps(20.0, 30.0), flags=("cpu_bound", "network_not_converged"), **COCO)
    assert made(night)[SPEED].footnotes == (
        "fps: launch-bound: the device waited for the CPU; another host would give another figure",
        "fps without post-processing: the spread was still above its target when the time was up",
    )


def test_the_overview_marks_a_figure_whose_windows_spread(night: Night) -> None:
    """A host that is busy at times need not hold up most of the windows."""
    steady = fps(20.0, 40.0, fps_step_s=0.05, fps_step_iqr_s=0.002)
    for network_iqr_s, key in zip((0.001, 0.002), DETECTORS, strict=True):
        values = steady | {"fps_network_step_s": 0.025, "fps_network_step_iqr_s": network_iqr_s}
        night.add(key, "fps", values, **COCO)
    table = made(night)["Overview: COCO 2017 validation, 800x1280 px, amp_fp16"]
    assert cells(table, "FPS (img/s)") == ["20.0", "20.0"]
    assert cells(table, "FPS without post-processing (img/s)") == ["40.0", "40.0 [1]"]
    assert table.footnotes == (
        "fps without post-processing: its windows spread by more than 5% (interquartile range): most likely "
        "a host that is busy at times",
    )


@pytest.mark.parametrize(
    ("flag", "marked"),
    [("cpu_bound", "FPS (img/s)"), ("network_cpu_bound", "FPS without post-processing (img/s)")],
)
def test_the_overview_marks_the_figure_that_waited_for_the_host(night: Night, flag: str, marked: str) -> None:
    for key in DETECTORS:
        night.add(key, "fps", fps(20.0, 30.0), flags=(flag,), **COCO)
    table = made(night)["Overview: COCO 2017 validation, 800x1280 px, amp_fp16"]
    footnoted = {name for name in headers(table) if any("[" in text for text in cells(table, name))}
    assert footnoted == {marked}


def test_the_overview_has_reported_sizes_and_scores_beside_the_speed(night: Night) -> None:
    add_detectors(night)
    counted = COCO | {"precision": "fp32"}
    for key in DETECTORS:
        night.add(key, "complexity", {"params": 44_396_000, "macs": 260_140_000_000}, **counted)
    place = {"task": "coco", "height_px": 800, "width_px": 1280}
    night.rows = (
        make_reported(DETECTORS[0], id="a", metric="params", text="44", unit="M", **place),
        make_reported(DETECTORS[0], id="b", metric="macs", text="260", unit="G", **place),
        make_reported(DETECTORS[0], id="c", metric="macs", text="261", unit="G", **place),
        make_reported(DETECTORS[1], id="d", metric="box_ap_percent", text="42.7", unit="%", **place),
    )
    table = made(night)["Overview: COCO 2017 validation, 800x1280 px, amp_fp16"]
    rows = dict(zip(cells(table, "Model"), range(2), strict=True))
    first, second = rows["Mask R-CNN, ResNet-50"], rows["Mask R-CNN, Swin-T"]
    assert cells(table, "Parameters (M)")[first] == "44.40"
    assert cells(table, "Parameters reported (M)")[first] == "44"
    assert cells(table, "MACs reported (G)")[first] == "260 / 261"
    assert cells(table, "MACs reported (G)")[second] == MISSING
    assert cells(table, "Box AP reported (%)")[second] == "42.7"
    assert cells(table, "FPS (img/s)")[first] == "20.5"
    assert cells(table, "FPS without post-processing (img/s)")[first] == "31.2"
    assert cells(table, "Backbone throughput (img/s)")[first] == "123.4"
    assert cells(table, "Peak allocated (MiB)")[first] == "1,500"
    assert "random weights and inputs, the backbone alone at batch 4" in table.intro


def test_reported_fps_is_a_ratio_and_no_verdict(night: Night) -> None:
    night.add("upernet-swin_tiny", "fps", fps(84.24, 100.0), **ADE)
    place = {"task": "ade20k", "height_px": 512, "width_px": 2048, "hardware": "V100"}
    night.rows = (
        make_reported("upernet-swin_tiny", metric="fps_img_s", text="21.06", unit="img/s", **place),
    )
    table = made(night)["Speed and memory beside published figures"]
    assert cells(table, "Metric") == ["FPS"]
    assert cells(table, "Measured") == ["84.2 img/s"]
    assert cells(table, "Reported") == ["21.06 img/s"]
    assert cells(table, "Ratio") == ["4.00"]
    assert "GPU (V100)" in cells(table, "Comparability class")[0]

"""What must be equal on two machines before figures are put side by side."""

from __future__ import annotations

from typing import Any

import pytest

from bench.spec.cell import MEASURES, Measure
from bench.spec.comparability import comparability_class, differences
from bench.spec.record import Host
from tests.records import GPU_BOX, make_cell, make_record


def box(**fields: Any) -> Host:
    return GPU_BOX.model_copy(update=fields)


def class_of(measure: Measure, host: Host = GPU_BOX, **cell: Any) -> str:
    return comparability_class(make_record(make_cell("resnet18", measure, **cell), {}, host=host))


@pytest.mark.parametrize("fields", [{"cpu": "Xeon"}, {"cpu_count": 8}, {"python": "3.12.3"}])
def test_latency_on_a_gpu_is_also_the_host_s(fields: dict[str, Any]) -> None:
    for measure in ("latency", "fps"):
        assert class_of(measure, box(**fields)) != class_of(measure)
    for measure in ("accuracy", "throughput", "backbone_throughput", "memory", "complexity"):
        assert class_of(measure, box(**fields)) == class_of(measure)


@pytest.mark.parametrize(
    "fields",
    [
        {"gpu": "NVIDIA A100"},
        {"gpu_power_limit_w": 300.0},
        {"driver": "1"},
        {"cudnn": "9.9"},
        {"triton": None},
    ],
)
def test_parameters_do_not_hang_on_the_gpu_and_all_else_does(fields: dict[str, Any]) -> None:
    changed = {measure for measure in MEASURES if class_of(measure, box(**fields)) != class_of(measure)}
    assert changed == set(MEASURES) - {"complexity"}


def test_images_per_second_of_a_detector_a_backbone_and_a_classifier_are_of_three_classes() -> None:
    assert len({class_of(measure) for measure in ("throughput", "fps", "backbone_throughput")}) == 3


def test_fps_hangs_on_who_computes_heads_and_post_processing() -> None:
    one, other = (box(packages={"mmdet": version}) for version in ("3.3.0", "3.4.0"))
    assert differences(one, other, "fps") == ("mmdet 3.3.0 against 3.4.0",)
    assert differences(one, other, "backbone_throughput") == ()


@pytest.mark.parametrize("fields", [{"torch": "2.11.0"}, {"timm": "1.0.29"}])
def test_every_measure_hangs_on_torch_and_timm(fields: dict[str, Any]) -> None:
    assert all(class_of(measure, box(**fields)) != class_of(measure) for measure in MEASURES)


def test_complexity_hangs_on_the_version_of_its_counter() -> None:
    assert differences(
        box(packages={"fvcore": "0.1.5"}), box(packages={"fvcore": "0.1.6"}), "complexity"
    ) == ("fvcore 0.1.5 against 0.1.6",)
    assert differences(box(packages={"fvcore": "0.1.5"}), box(packages={"fvcore": "0.1.6"}), "memory") == ()


@pytest.mark.parametrize(
    "cell",
    [
        {"precision": "amp_bf16"},
        {"memory_format": "channels_last"},
        {"mode": "compiled"},
        {"batch": 64},
        {"protocol": "timm"},
    ],
)
def test_the_class_follows_the_setting(cell: dict[str, Any]) -> None:
    assert class_of("throughput", **cell) != class_of("throughput")


def test_the_class_ignores_model_date_and_the_name_of_the_machine() -> None:
    one = make_record(make_cell("resnet18", "throughput"), {})
    other = make_record(
        make_cell("swin_tiny", "throughput"), {}, at="2027-01-01T00:00:00+00:00", host=box(machine="other")
    )
    assert comparability_class(one) == comparability_class(other)


def test_differences_are_words() -> None:
    assert differences(box(torch="2.11.0", driver=None), box(torch="2.14.1"), "throughput") == (
        "driver unknown against 580.159.04",
        "torch 2.11.0 against 2.14.1",
    )
    assert differences(box(), box(gpu_power_limit_w=350.0), "memory") == ("power limit (W) 700 against 350",)
    assert differences(box(), box(), "latency") == ()


def test_on_a_cpu_the_cpu_decides() -> None:
    one = Host(machine="a", device="cpu", cpu="EPYC", cpu_count=2, os="Linux", python="3.11.9")
    other = one.model_copy(update={"cpu": "Xeon", "python": "3.12.3"})
    assert differences(one, other, "memory") == ("CPU EPYC against Xeon",)
    assert differences(one, other, "latency") == ("CPU EPYC against Xeon", "Python 3.11.9 against 3.12.3")
    assert differences(one, box(cpu="EPYC", cpu_count=2), "throughput")[0] == "device cpu against cuda"

"""The bundled rows resolve, and hold the numbers of the sources exactly."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.catalog import read
from bench.catalog.reported import Reported, reported

FACTS = Path(__file__).parents[3] / "shared" / "facts"
needs_facts = pytest.mark.skipif(
    not FACTS.is_dir(), reason="the collected facts are not part of the repository"
)
# Not measurements of a classifier that a source prints with its conditions; see the README of the rows.
LEFT_OUT = ("vim_teaser", "mmsegmentation")


def rows_of(checkpoint: str, metric: str, size: int = 224) -> dict[str, str]:
    return {
        row.id: row.text
        for row in reported()
        if (row.checkpoint, row.metric, row.height_px) == (checkpoint, metric, size)
    }


def test_ids_are_unique_and_every_checkpoint_is_in_the_catalog() -> None:
    rows = reported()
    assert len({row.id for row in rows}) == len(rows)
    assert {row.checkpoint for row in rows if row.checkpoint} <= set(read.models())


def test_values_that_differ_are_kept_apart() -> None:
    assert rows_of("mambaout_tiny", "top1_percent") == {
        "mambaout-readme.mambaout-tiny.224.top1": "82.7",
        "mambaout-cvpr-t1.mambaout-tiny.224.top1": "82.7",
        "timm.mambaout_tiny.in1k.224.top1": "82.742",
    }
    assert rows_of("mambaout_tiny", "top1_percent", 288) == {"timm.mambaout_tiny.in1k.288.top1": "83.452"}
    vmamba = {(row.label, row.text) for row in reported() if row.metric == "top1_percent"}
    assert {("VMamba-T", "82.2"), ("VMambaV3-T", "82.6"), ("VMamba-T[s1l8]", "82.60")} <= vmamba


def test_printed_digits_survive() -> None:
    assert {row.text for row in reported() if row.id.startswith("vmamba-paper-t9.vmamba-t-s1l8.")} >= {
        "82.60",
        "78.60",
    }
    assert rows_of("swin_tiny", "params")["timm.swin_tiny_patch4_window7_224.ms_in1k.224.params"] == "28.29"


@pytest.mark.parametrize(
    ("row_id", "crop"),
    [
        ("mambaout-readme.mambaout-tiny.224.top1", "1.0"),
        ("swin-readme.swin-t.224.top1", "0.875"),
        ("timm.swin_tiny_patch4_window7_224.ms_in1k.224.top1", "0.9"),
        ("mambaout-cvpr-t1.swin-t.224.top1", "None"),
        ("convnext-readme.convnext-t.224.top1", "0.875"),
        ("timm.convnext_tiny.fb_in1k.288.top1", "1.0"),
        ("metaformer-readme.caformer_s18.224.top1", "1.0"),
        ("deit-readme.deit-s.224.top1", "None"),
    ],
)
def test_the_crop_is_the_source_s_own(row_id: str, crop: str) -> None:
    (row,) = (row for row in reported() if row.id == row_id)
    assert str(row.crop_pct) == crop


@pytest.mark.parametrize(
    "row_id",
    [
        "metaformer-readme.caformer_s18_384.384.top1",
        "swin-readme.swin-b.384.top1",
        "convnext-readme.convnext-b.384.top1",
        "timm.vit_tiny_patch16_224.augreg_in21k_ft_in1k.224.top1",
        "vmamba-paper-t9.deit-s.resolution-scale-up-test.224.top1",
    ],
)
def test_other_weights_are_reference_only(row_id: str) -> None:
    (row,) = (row for row in reported() if row.id == row_id)
    assert row.checkpoint is None


def test_published_parameters_agree_with_the_cards_to_a_digit_or_are_known_to_contradict() -> None:
    models = read.models()
    wrong = {
        (row.label, row.text)
        for row in reported()
        if row.metric == "params" and row.checkpoint
        if abs(models[row.checkpoint].params - row.value * 10**6) > row.half_step * 10**6
    }
    assert wrong == {("DeiT-Ti", "5"), ("DeiT-B", "86"), ("ConvNeXt-T", "28"), ("Swin-T", "29")}


def facts(name: str) -> Iterator[dict[str, str]]:
    with (FACTS / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def printed(rows: tuple[Reported, ...], *metrics: str) -> Counter[tuple[str, str, int, str]]:
    return Counter(
        (row.metric, _name(row), row.height_px, row.text)
        for row in rows
        if not metrics or row.metric in metrics
    )


def _name(row: Reported) -> str:
    log = row.source.endswith("tp.log") and row.variant
    return f"{row.label} ({row.variant})" if log else row.label


@needs_facts
def test_every_accuracy_parameter_and_mac_count_of_the_facts_is_here_exactly() -> None:
    wanted: Counter[tuple[str, str, int, str]] = Counter()
    for fact in facts("reported-imagenet.csv"):
        top5 = re.search(r"top5 (\d+\.\d+)", fact["note"])
        texts = {
            "top1_percent": fact["top1"],
            "top5_percent": top5[1] if top5 else "",
            "params": fact["params_m"],
            "macs": fact["macs_g"],
        }
        wanted.update(
            (name, fact["model"], int(fact["resolution"]), text) for name, text in texts.items() if text
        )
    assert wanted.total() > 900
    assert printed(reported(), "top1_percent", "top5_percent", "params", "macs") == wanted


@needs_facts
def test_every_inference_speed_and_memory_of_a_classifier_is_here_exactly() -> None:
    wanted: Counter[tuple[str, str, int, str]] = Counter()
    left_out = 0
    for fact in facts("reported-speed.csv"):
        texts = {"throughput_img_s": fact["throughput_img_s"], "peak_allocated_bytes": fact["memory_mb"]}
        if fact["train_or_infer"] != "infer" or any(word in fact["source"] for word in LEFT_OUT):
            left_out += 1
            continue
        wanted.update(
            (name, fact["model"], int(fact["resolution"]), text) for name, text in texts.items() if text
        )
    assert (left_out, wanted.total()) == (154, 628)
    assert printed(reported(), "throughput_img_s", "peak_allocated_bytes") == wanted

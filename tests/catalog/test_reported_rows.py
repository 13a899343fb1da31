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
DENSE = ("coco", "ade20k")


def rows_of(checkpoint: str, metric: str, size: int = 224) -> dict[str, str]:
    return {
        row.id: row.text
        for row in reported()
        if (row.checkpoint, row.metric, row.height_px) == (checkpoint, metric, size)
    }


def test_ids_are_unique_and_every_checkpoint_is_in_the_catalog() -> None:
    rows = reported()
    assert len({row.id for row in rows}) == len(rows)
    assert {row.checkpoint for row in rows if row.checkpoint} <= set(read.every_model())


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
    models = read.every_model()
    wrong = {
        (row.label, row.text)
        for row in reported()
        if row.metric == "params" and row.checkpoint
        if abs(models[row.checkpoint].params - row.value * 10**6) > row.half_step * 10**6
    }
    assert wrong == {
        *(("DeiT-Ti", "5"), ("DeiT-B", "86"), ("ConvNeXt-T", "28"), ("Swin-T", "29")),
        # without the classifier, as VMamba's first README counted and others quote
        *(("VMamba-T", "22"), ("VMamba-B", "75"), ("VMamba-B*", "75")),
        # VMamba's README before May 2024
        ("VMamba-T(0230)", "30"),
        # with UperNet; both would agree with the classifier's head counted in, which the code deletes
        *(("Vim-Ti", "13"), ("Vim-S", "46")),
        # with Mask R-CNN, as MambaOut quotes; VMamba itself prints 70
        ("VMambaV3-S", "64"),
    }


TOP1 = {
    "vim_tiny": {"76.1"},
    # repository against paper
    "vim_small": {"80.5", "80.3"},
    "vim_base": {"81.9"},
    "vim_tiny_stride8": {"78.3"},
    "vim_small_stride8": {"81.6", "81.4"},
    "vmamba_tiny_s1l8": {"82.6", "82.60"},
    "vmamba_small_s1l20": {"83.3"},
    "vmamba_base_s1l20": {"83.8"},
    "vmamba_tiny_s2l5": {"82.5", "82.49"},
    "vmamba_small_s2l15": {"83.6"},
    "vmamba_base_s2l15": {"83.9"},
    "vmamba_v0_tiny": {"82.2", "82.17"},
    "vmamba_v0_small": {"83.5"},
    "vmamba_v0_base": {"83.7"},
    "local_vmamba_tiny": {"82.7"},
    "local_vmamba_small": {"83.7"},
    "localvim_tiny": {"76.2"},
    "localvim_tiny_middle_cls_token": {"77.8"},
    # repository against paper
    "localvim_small": {"81.1", "81.2"},
    "localvim_small_unsearched": {"81.0"},
    "vit_tiny_causal": {"70.6"},
    "vit_small_causal": {"78.9"},
    # the figure's values are those of DeiT
    "vit_tiny_visible": set(),
    "vit_small_visible": set(),
}


def test_every_card_of_ours_has_its_reported_top_1() -> None:
    ours = {key for key, card in read.models().items() if card.source in {"native", "vit"}}
    assert {key for key in ours if read.models()[key].classes == 1000} == set(TOP1)
    assert {key: set(rows_of(key, "top1_percent").values()) for key in TOP1} == TOP1


def test_quotes_of_the_first_vmamba_mean_the_first_vmamba() -> None:
    (quoted,) = (row for row in reported() if row.id == "mambaout-cvpr-t1.vmamba-t.224.macs")
    assert (quoted.checkpoint, quoted.text) == ("vmamba_v0_tiny", "5.6")
    (paper,) = (row for row in reported() if row.id == "vmamba-perf.vmamba-t-s1l8.v2.224.top1")
    assert paper.checkpoint == "vmamba_tiny_s1l8"


@pytest.mark.parametrize(
    ("row_id", "why"),
    [
        ("mambaout-cvpr-t1.vmambav3-t.224.top1", "mixes 31M ([s2l5]) with 82.6 ([s1l8]); so not clear which"),
        (
            "localmamba-paper-t2.vim-s.v1.224.top1",
            "not clear which: 80.3 is printed for the models of January",
        ),
        ("vmamba-readme-92c1106.vmamba-b.v0.224.top1", "other weights than the file of today"),
        ("vmamba-readme-62eec3d.vmamba-b.v0.224.top1", "other weights than the file of today"),
        ("vim-readme-first.vim-ti.first-release-no-middle-class-token.224.top1", "another architecture"),
        ("mambaout-f3b.vit-s.fully-visible-attention.224.top1", "the same value as DeiT in Table 1"),
        ("mambavision-t1.vmamba-t.224.throughput", "which VMamba was timed is not stated"),
        ("mambavision-t1.vim-ti.224.throughput", "which release of Vim was timed is not stated"),
    ],
)
def test_what_could_mean_several_checkpoints_names_none_and_says_why(row_id: str, why: str) -> None:
    (row,) = (row for row in reported() if row.id == row_id)
    assert row.checkpoint is None
    assert why in (row.note or "")


def facts(name: str) -> Iterator[dict[str, str]]:
    with (FACTS / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def printed(rows: tuple[Reported, ...], *metrics: str) -> Counter[tuple[str, str, int, str]]:
    return Counter(
        (row.metric, _name(row), row.height_px, row.text)
        for row in rows
        if row.task not in DENSE and not _own(row) and (not metrics or row.metric in metrics)
    )


def _own(row: Reported) -> bool:
    """Say whether the project itself reports it: known answers of its own networks, not facts of others."""
    return row.source.startswith("this project")


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


COLUMNS_OF = {
    "coco": {
        "params": "params_m",
        "macs": "macs_g",
        "box_ap_percent": "ap_b",
        "box_ap50_percent": "ap_b50",
        "box_ap75_percent": "ap_b75",
        "mask_ap_percent": "ap_m",
        "mask_ap50_percent": "ap_m50",
        "mask_ap75_percent": "ap_m75",
    },
    "ade20k": {
        "params": "params_m",
        "macs": "macs_g",
        "miou_percent": "miou_ss",
        "miou_ms_percent": "miou_ms",
    },
}


@needs_facts
@pytest.mark.parametrize("task", DENSE)
def test_every_number_of_a_detector_or_segmentor_is_here_exactly(task: str) -> None:
    wanted = Counter(
        (metric, fact["backbone"], fact[column])
        for fact in facts(f"reported-{task}.csv")
        for metric, column in COLUMNS_OF[task].items()
        if fact[column]
    )
    assert wanted.total() == {"coco": 720, "ade20k": 394}[task]
    assert (
        Counter(
            (row.metric, row.label, row.text)
            for row in reported()
            if row.task == task and row.metric in COLUMNS_OF[task]
        )
        == wanted
    )


@needs_facts
def test_every_speed_of_a_segmentor_is_here_exactly() -> None:
    wanted = {
        (fact["model"].removeprefix("UperNet "), fact["throughput_img_s"], fact["device"])
        for fact in facts("reported-speed.csv")
        if "mmsegmentation" in fact["source"] and fact["train_or_infer"] == "infer"
    }
    assert len(wanted) == 6
    found = [row for row in reported() if row.metric == "fps_img_s"]
    assert {(row.label, row.text, row.hardware) for row in found} == wanted
    assert all("neither the size of the timed images" in (row.note or "") for row in found)


def scores_of(checkpoint: str, metric: str) -> set[str]:
    return {row.text for row in reported() if (row.checkpoint, row.metric) == (checkpoint, metric)}


def test_a_score_belongs_to_one_training() -> None:
    # once over the data; three times, at several scales, gives other weights
    assert scores_of("mask_rcnn-vmamba_tiny_s1l8", "box_ap_percent") == {"47.3"}
    assert scores_of("mask_rcnn-swin_tiny", "box_ap_percent") == {"42.7"}
    assert scores_of("mask_rcnn-mambaout_tiny", "mask_ap_percent") == {"41.0"}
    # the main row, not that of the training with 8 images per step
    assert scores_of("mask_rcnn-vmamba_base_s2l15", "box_ap50_percent") == {"71.4"}
    # mmsegmentation's file, not that of Swin's authors
    assert scores_of("upernet-swin_tiny", "miou_percent") == {"44.41"}
    assert scores_of("upernet-convnext_base", "miou_ms_percent") == {"49.54"}
    assert scores_of("upernet-mambaout_small", "miou_ms_percent") == {"50.6"}
    assert scores_of("upernet-vim_tiny", "miou_percent") == {"41.0"}
    # which VMamba a quote means differs from table to table of one paper
    assert scores_of("mask_rcnn-vmamba_tiny_s2l5", "box_ap_percent") == {"47.4"}
    assert scores_of("upernet-vmamba_tiny_s1l8", "miou_percent") == {"47.9", "48.0"}


def test_contradictions_of_the_sources_are_all_here() -> None:
    rows = [row for row in reported() if row.checkpoint == "mask_rcnn-vmamba_small_s2l15"]
    assert {row.text for row in rows if row.metric == "macs"} == {"357", "384", "349"}
    assert {row.text for row in rows if row.metric == "params"} == {"64", "70"}

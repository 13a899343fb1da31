"""Detectors are scored as mmdet scores them, digit by digit; one that has learnt scores high."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bench.catalog import read
from bench.metrics.coco_ap import scores
from bench.sets.coco_classes import NAMES
from bench.sets.quickstart import make_coco
from bench.spec.errors import BadData, Incomplete
from bench.spec.record import Measured
from bench.tasks.detection.accuracy import measure
from tests.tasks.dense.conftest import (
    CLASSES,
    MakeJob,
    Score,
    Set,
    learn,
    published_data,
    run_test,
    small_task,
)
from tests.tasks.dense.small import DETECTOR, small_detector

IMAGES = 6
KEY = DETECTOR
SCALE = (192, 128)
STEPS = 480


def annotations_of(coco: Set) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((coco.root / "annotations/instances_val2017.json").read_text())
    return found


@pytest.fixture(scope="module")
def coco(tmp_path_factory: pytest.TempPathFactory) -> Set:
    root = tmp_path_factory.mktemp("data") / "coco"
    make_coco(root, images=IMAGES, classes=CLASSES, seed=1)
    task = small_task("coco", IMAGES, {"at": (128, 192), "scale": SCALE})
    return Set(root, task, small_detector((128, 192)))


@pytest.fixture(scope="module")
def detector(coco: Set) -> nn.Module:
    """Train a small Mask R-CNN on the set itself."""
    from mmdet.datasets import CocoDataset
    from mmengine.dataset import pseudo_collate
    from mmengine.registry import DefaultScope

    from bench.zoo.openmmlab import source, stack

    torch.manual_seed(0)
    np.random.seed(0)
    model = source.build(read.every_model()[KEY], copy.deepcopy(coco.config))
    with DefaultScope.overwrite_default_scope("mmdet"):
        images = CocoDataset(
            data_root=str(coco.root),
            ann_file="annotations/instances_val2017.json",
            data_prefix={"img": "val2017"},
            filter_cfg={"filter_empty_gt": True},
            pipeline=[
                {"type": "LoadImageFromFile"},
                {"type": "LoadAnnotations", "with_bbox": True, "with_mask": True},
                {"type": "Resize", "scale": SCALE, "keep_ratio": True},
                {"type": "PackDetInputs"},
            ],
        )
        # pycocotools does not know the latest numpy
        with stack.quiet():
            batches = [pseudo_collate([images[i]]) for i in range(len(images))]
        learn(model, batches, STEPS, rate=3e-3)
    return model


@pytest.fixture
def scored(
    coco: Set, detector: nn.Module, make_job: MakeJob, answer_with: Callable[[nn.Module], None]
) -> Score:
    def score(**fields: Any) -> Measured:
        answer_with(copy.deepcopy(detector))
        return measure(make_job(coco.task, coco.data, KEY, **fields)).measured

    return score


def by_runner(coco: Set, model: nn.Module, work: Path) -> Mapping[str, float]:
    """Score with mmengine's `Runner` and the configuration that comes with mmdet."""
    published = published_data("mmdet", "coco_instance.py", f"{coco.root}/", SCALE)
    published.test_evaluator.ann_file = str(coco.root / "annotations/instances_val2017.json")
    found: dict[str, float] = run_test(
        "mmdet", copy.deepcopy(coco.config), model.state_dict(), published, work
    )
    return found


THEIRS = {
    "ap": "mAP",
    "ap50": "mAP_50",
    "ap75": "mAP_75",
    "ap_small": "mAP_s",
    "ap_medium": "mAP_m",
    "ap_large": "mAP_l",
}


@pytest.mark.filterwarnings("ignore")
def test_scores_are_those_of_mmengine_s_runner(
    coco: Set, detector: nn.Module, scored: Score, tmp_path: Path
) -> None:
    ours, theirs = scored().values, by_runner(coco, detector, tmp_path)
    for what, iou_type in {"box": "bbox", "mask": "segm"}.items():
        for part, name in THEIRS.items():
            # theirs is -1 where there is nothing of the size, rounded to three digits else
            value = ours.get(f"{what}_{part}_percent", -100.0)
            assert f"{value / 100:.3f}" == f"{theirs[f'coco/{iou_type}_{name}']:.3f}", (what, part)
    assert ours["images"] == IMAGES


def test_a_detector_that_has_learnt_the_set_scores_high(scored: Score) -> None:
    values = scored().values
    assert values["box_ap_percent"] > 50
    assert values["mask_ap_percent"] > 50


def test_both_evaluators_agree_and_the_record_names_the_one(scored: Score) -> None:
    fast, slow = scored(), scored(evaluator="pycocotools")
    # to the last bits of a sum: they add up in another order
    assert fast.values == pytest.approx(slow.values, rel=1e-13)
    assert str(fast.details["evaluator"]).startswith("faster-coco-eval 1.")
    assert str(slow.details["evaluator"]).startswith("pycocotools 2.")


def test_kept_predictions_give_the_same_scores(coco: Set, scored: Score, tmp_path: Path) -> None:
    found = scored(keep_dir=str(tmp_path / "kept"))
    kept: Any = found.details["predictions"]
    (path,) = (tmp_path / "kept").iterdir()
    assert path.name == kept["file"]
    detections = json.loads(path.read_bytes())
    assert len(detections) == found.details["detections"]
    assert {"image_id", "category_id", "bbox", "score", "segmentation"} == set(detections[0])
    ids = [image["id"] for image in annotations_of(coco)["images"]]
    again = scores(annotations_of(coco), detections, ids, "faster-coco-eval")
    assert again == {name: value for name, value in found.values.items() if name != "images"}


def test_a_limit_scores_the_images_that_it_reads(scored: Score) -> None:
    found = scored(limit_images=2)
    assert (found.values["images"], found.details["image_ids"]) == (2, [1, 4])
    assert found.flags == ("partial", "random_weights")


def test_names_of_classes_are_those_of_mmdet() -> None:
    from mmdet.datasets import CocoDataset

    assert tuple(CocoDataset.METAINFO["classes"]) == NAMES


class TestWrongData:
    """Each is found before the network is built, with the file and the remedy."""

    @pytest.fixture
    def data(self, tmp_path: Path) -> Path:
        make_coco(tmp_path / "coco", images=IMAGES, classes=CLASSES, seed=1)
        return tmp_path

    @pytest.fixture
    def complaint(self, coco: Set, data: Path, make_job: MakeJob) -> Callable[[Callable[[Any], Any]], str]:
        def complain(change: Callable[[Any], Any]) -> str:
            path = data / "coco/annotations/instances_val2017.json"
            document = json.loads(path.read_text())
            change(document)
            path.write_text(json.dumps(document))
            with pytest.raises(BadData) as caught:
                measure(make_job(coco.task, data, KEY))
            return str(caught.value)

        return complain

    def test_annotations_of_another_split(self, complaint: Callable[..., str]) -> None:
        def rename(document: Any) -> None:
            for image in document["images"]:
                image["file_name"] = f"train_{image['file_name']}"

        said = complaint(rename)
        assert "is for another split: none of its 6 images, such as train_000000000001.jpg, is in" in said
        assert "annotations_trainval2017.zip" in said

    def test_fewer_annotated_images(self, complaint: Callable[..., str]) -> None:
        said = complaint(lambda document: document["images"].pop())
        assert "annotates 5 images, but COCO 2017 validation has 6; it is of another split or a part" in said

    def test_images_are_missing(self, data: Path, complaint: Callable[..., str]) -> None:
        (data / "coco/val2017/000000000003.jpg").unlink()
        assert (
            "lacks 1 of the 6 images that instances_val2017.json annotates (000000000003.jpg); complete"
            in (complaint(lambda _: None))
        )

    def test_91_categories(self, complaint: Callable[..., str]) -> None:
        def renumber(document: Any) -> None:
            document["categories"] = [{"id": number, "name": f"{number}"} for number in range(1, 92)]

        assert "has 91 categories, but COCO 2017 validation has 80, numbered 1 to 90 with gaps" in (
            complaint(renumber)
        )

    def test_categories_in_another_order(self, complaint: Callable[..., str]) -> None:
        assert "has the category 90 (toothbrush) where COCO 2017 validation has 1 (person)" in (
            complaint(lambda document: document["categories"].reverse())
        )

    def test_annotations_without_image_class_or_mask(self, complaint: Callable[..., str]) -> None:
        assert "annotation 1 is of image 77, which the file does not list" in (
            complaint(lambda document: document["annotations"][0].update(image_id=77))
        )
        assert "annotation 1 is of category 12, which the file does not list" in (
            complaint(lambda document: document["annotations"][0].update(image_id=1, category_id=12))
        )
        assert "annotation 1 has no box or no mask" in (
            complaint(
                lambda document: (
                    document["annotations"][0].update(category_id=1)
                    or document["annotations"][0].pop("segmentation")
                )
            )
        )

    def test_no_annotation_file(self, data: Path, coco: Set, make_job: MakeJob) -> None:
        path = data / "coco/annotations/instances_val2017.json"
        path.write_text("[]")
        with pytest.raises(BadData, match="has no list of images or annotations or categories"):
            measure(make_job(coco.task, data, KEY))
        path.write_text("{")
        with pytest.raises(BadData, match="cannot be read as JSON"):
            measure(make_job(coco.task, data, KEY))

    def test_a_damaged_image_is_counted(
        self,
        coco: Set,
        data: Path,
        detector: nn.Module,
        make_job: MakeJob,
        answer_with: Callable[[nn.Module], None],
    ) -> None:
        path = data / "coco/val2017/000000000004.jpg"
        path.write_bytes(path.read_bytes()[:200])
        answer_with(copy.deepcopy(detector))
        with pytest.raises(
            Incomplete, match=r"1 images cannot be decoded: 000000000004.jpg .* to 1 to leave"
        ):
            measure(make_job(coco.task, data, KEY))
        found = measure(make_job(coco.task, data, KEY, allowed_corrupt=1)).measured
        assert found.values["images"] == 5
        assert found.details["image_ids"] == [1, 2, 3, 5, 6]

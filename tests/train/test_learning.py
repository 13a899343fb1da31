"""A network really learns: a handful of pictures by heart, boxes and pixels of a few scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench import zoo
from bench.catalog import read
from bench.shapes import scene
from bench.spec.card import Layout
from bench.train import pictures
from bench.train.average import Average
from bench.train.classify import Classification
from bench.train.detect import Detection, boxes_of, samples
from bench.train.job import begin_from
from bench.train.loop import Plan, Training, seed_all
from bench.train.scene_batches import SceneBatches
from bench.train.segment import Segmentation
from bench.train.start import spread
from bench.zoo.openmmlab import stack
from tests.train.conftest import CPU, classification, dense

LAYOUT = Layout(images="", labels="", at=(128, 192), scale=(192, 128))
GENTLE: dict[str, object] = {"zoom": [1, 1], "tilt_degrees": 0, "brightness": 0, "contrast": 0}


@pytest.mark.usefixtures("one_thread")
def test_a_classifier_learns_ten_pictures_by_heart(tmp_path: Path) -> None:
    made = classification(
        train_images=10,
        val_images=1,
        batch=10,
        lr=3e-3,
        warmup_steps=5,
        mix=0,
        erase=0,
        crop_area=[1, 1],
        tilt_degrees=0,
    )
    model = zoo.build("micro_vit_visible")
    spread(model, 10)
    objective = Classification(read.models()["micro_vit_visible"], made, CPU, tmp_path)
    training = Training(model, objective, made, Plan(tmp_path, "", 0, CPU))
    losses = []
    for epoch in range(60):
        seed_all(0, epoch)
        objective.begin()
        losses.append(float(training._one_step(0)))
    # smoothing leaves 0.5 even where every picture is known
    assert losses[0] > 2.0
    assert losses[-1] < 1.15


def losses_of(key: str, objective: Any, made: Any, folder: Path, steps: int) -> list[float]:
    torch.manual_seed(0)
    model = zoo.build(key).train()
    training = Training(model, objective, made, Plan(folder, "", 0, CPU))
    found = []
    for _ in range(steps):
        # the same views again and again
        seed_all(0, 0)
        objective.begin()
        found.append(float(training._one_step(0)))
    return found


@pytest.mark.usefixtures("one_thread")
def test_the_losses_of_a_detector_fall(tmp_path: Path) -> None:
    stack.start()
    made = dense("detection", train_images=2, val_images=1, batch=2, warmup_steps=2, **GENTLE)
    objective = Detection(SceneBatches(LAYOUT, made, CPU, tmp_path))
    losses = losses_of("mask_rcnn-micro_mambaout", objective, made, tmp_path, 12)
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.usefixtures("one_thread")
def test_the_losses_of_a_segmentor_fall(tmp_path: Path) -> None:
    stack.start()
    made = dense("segmentation", train_images=2, val_images=1, batch=2, warmup_steps=0, lr=5e-3, **GENTLE)
    objective = Segmentation(SceneBatches(LAYOUT, made, CPU, tmp_path))
    losses = losses_of("upernet-micro_vmamba", objective, made, tmp_path, 8)
    assert losses[-1] < 0.8 * losses[0]


def test_boxes_are_those_of_the_drawn_items(tmp_path: Path) -> None:
    stack.start()
    made = dense("detection", train_images=1, val_images=8, batch=1)
    scenes = SceneBatches(LAYOUT, made, CPU, tmp_path)
    (views,) = scenes.validation(8)
    for number, sample in enumerate(samples(views)):
        drawn = scene("val", number)
        shown = sample.gt_instances
        assert shown.labels.tolist() == [item.label for item in drawn.items]
        factor = float(views.sizes[number, 0]) / len(drawn.pixels)
        expected = torch.tensor([item.box for item in drawn.items]) * factor
        assert torch.allclose(shown.bboxes, expected, atol=1.5)
    assert boxes_of(torch.zeros(2, 4, 4, dtype=torch.bool)).tolist() == [[0.0] * 4] * 2


def test_a_detector_sees_what_its_evaluation_would(tmp_path: Path) -> None:
    stack.start()
    made = dense("detection", train_images=1, val_images=3, batch=1)
    scenes = SceneBatches(LAYOUT, made, CPU, tmp_path)
    (views,) = scenes.validation(3)
    detector: Any = zoo.build("mask_rcnn-micro_mambaout")
    segmentor: Any = zoo.build("upernet-micro_vmamba")
    from mmcv import imrescale
    from mmdet.structures import DetDataSample
    from mmseg.structures import SegDataSample

    from bench.shapes import scene

    for number in range(3):
        # as a pipeline reads it: blue first
        image = pictures.compressed(scene("val", number).pixels)[..., ::-1]
        resized = imrescale(np.ascontiguousarray(image), (192, 128), interpolation="bilinear")
        data = torch.from_numpy(resized.copy()).permute(2, 0, 1)
        meta = {"img_shape": resized.shape[:2], "ori_shape": image.shape[:2]}
        packed = {"inputs": [data], "data_samples": [DetDataSample(metainfo=meta)]}
        expected = detector.data_preprocessor(packed, False)["inputs"][0]
        height, width = resized.shape[:2]
        assert tuple(views.sizes[number].tolist()) == (height, width)
        mine = views.images[number]
        assert torch.allclose(mine[:, :height, :width], expected[:, :height, :width], atol=1e-5)
        rows, columns = (min(a, b) for a, b in zip(mine.shape[1:], expected.shape[1:], strict=True))
        assert torch.allclose(mine[:, :rows, :columns], expected[:, :rows, :columns], atol=1e-5)
        packed = {"inputs": [data], "data_samples": [SegDataSample(metainfo=meta)]}
        whole = segmentor.data_preprocessor(packed, False)["inputs"][0]
        assert torch.allclose(mine[:, :height, :width], whole, atol=1e-5)


def test_perfect_detections_are_scored_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mmengine.structures import InstanceData

    stack.start()
    made = dense("detection", train_images=1, val_images=4, batch=1)
    objective = Detection(SceneBatches(LAYOUT, made, CPU, tmp_path))
    detector: Any = zoo.build("mask_rcnn-micro_mambaout")

    def knows(_images: Any, truth: list[Any], rescale: bool) -> list[Any]:
        for sample in truth:
            shown = sample.gt_instances
            masks = torch.from_numpy(shown.masks.masks).bool()
            sample.pred_instances = InstanceData(
                bboxes=shown.bboxes, labels=shown.labels, scores=torch.ones(len(masks)), masks=masks
            )
        return truth

    monkeypatch.setattr(detector, "predict", knows)
    assert objective.score(detector) == pytest.approx(100, abs=0.01)


def test_a_trained_backbone_is_taken_over(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    stack.start()
    classifier = zoo.build("micro_mambaout")
    with torch.no_grad():
        for value in classifier.parameters():
            value.normal_()
    save_file(classifier.state_dict(), tmp_path / "x.safetensors")
    detector = zoo.build("mask_rcnn-micro_mambaout")
    begin_from(detector, tmp_path / "x.safetensors")
    mine, theirs = detector.get_submodule("backbone").state_dict(), classifier.state_dict()
    assert {name for name in mine if name not in theirs} == {
        f"outnorm{stage}.{part}" for stage in range(4) for part in ("weight", "bias")
    }
    assert all(torch.equal(value, theirs[name]) for name, value in mine.items() if name in theirs)
    from bench.spec.errors import BadWeights

    with pytest.raises(BadWeights, match="is not of this backbone: it has no"):
        begin_from(zoo.build("upernet-micro_vmamba"), tmp_path / "x.safetensors")


def test_the_average_of_a_whole_detector_can_be_made() -> None:
    detector = zoo.build("mask_rcnn-micro_mambaout")
    average = Average(detector, 0.9)
    assert list(average.module.state_dict()) == list(detector.state_dict())

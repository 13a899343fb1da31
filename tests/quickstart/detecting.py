"""Bugs in a detector, its pipeline and its evaluation."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.sets.coco_classes import CATEGORY_IDS
from bench.tasks.detection import accuracy, pipeline
from bench.zoo.openmmlab import source, stack
from tests.quickstart.planting import Mutation, Plant, Stage, Wrap, replaced, wrapped

MODEL = "mask_rcnn-micro_mambaout"
Config = Any


def configured(change: Callable[[Config], object]) -> Plant:
    """Change the configuration of a detector or segmentor."""

    def changed(config_of: Any, *given: Any) -> Config:
        config = config_of(*given)
        change(config)
        return config

    return wrapped(source, "config_of", changed)


def blue_first(config: Config) -> None:
    config["data_preprocessor"]["bgr_to_rgb"] = False


def unscaled_offsets(config: Config) -> None:
    config["roi_head"]["bbox_head"]["bbox_coder"]["target_stds"] = [1.0] * 4


def anchors_off(config: Config) -> None:
    config["rpn_head"]["anchor_generator"]["center_offset"] = 0.5


def nms_of_proposals(config: Config) -> None:
    config["test_cfg"]["rcnn"]["nms"] = config["test_cfg"]["rpn"]["nms"]


def inside(module: str, name: str, change: Wrap) -> Plant:
    """Plant in a module or class of OpenMMLab, which cannot be imported before it is mended."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        stack.start()
        file, _, part = module.partition(":")
        place: Any = import_module(file)
        wrapped(getattr(place, part) if part else place, name, change)(patch)

    return plant


def of_all_classes(nms: Any, boxes: Tensor, scores: Tensor, classes: Tensor, *rest: Any) -> Any:
    return nms(boxes, scores, torch.zeros_like(classes), *rest)


def not_aligned(align: Any, *given: Any, **named: Any) -> None:
    align(*given, **{**named, "aligned": False})


def boxes_left_small(predict: Any, head: Any, *, bboxes: Tensor, **named: Any) -> Any:
    # the head scales the boxes in place
    return predict(head, bboxes=bboxes.clone(), **named)


def one_pixel_off(paste: Any, masks: Tensor, boxes: Tensor, *given: Any, **named: Any) -> Any:
    return paste(masks, boxes + 1, *given, **named)


def transposed(paste: Any, masks: Tensor, *given: Any, **named: Any) -> Any:
    return paste(masks.transpose(2, 3), *given, **named)


def as_corners(detections: Any, *given: Any) -> Any:
    return [{**each, "bbox": _corners(*each["bbox"])} for each in detections(*given)]


def _corners(left: float, top: float, width: float, height: float) -> list[float]:
    return [left, top, left + width, top + height]


def background_first(decide: Any, boxes: Tensor, scores: Tensor, *given: Any, **named: Any) -> Any:
    return decide(boxes, scores.roll(-1, 1), *given, **named)


def squeezed(images_of: Any, *given: Any) -> Any:
    made = images_of(*given)
    for step in made.pipeline.transforms:
        if hasattr(step, "keep_ratio"):
            step.keep_ratio = False
    return made


BOX_HEAD = "mmdet.models.roi_heads.bbox_heads.bbox_head"
MASK_HEAD = "mmdet.models.roi_heads.mask_heads.fcn_mask_head"
NMS = "mmdet.models.layers.bbox_nms"


def _mutation(what: str, plant: Plant, stage: Stage = "network") -> Mutation:
    return Mutation(what, MODEL, plant, stage)


DETECTING = (
    _mutation(
        "classes shifted by one",
        replaced(accuracy, "CATEGORY_IDS", CATEGORY_IDS[1:] + CATEGORY_IDS[:1]),
        "scoring",
    ),
    _mutation("index in place of category", replaced(accuracy, "CATEGORY_IDS", tuple(range(80))), "scoring"),
    _mutation("background as first class", inside(BOX_HEAD, "multiclass_nms", background_first)),
    _mutation("BGR", configured(blue_first)),
    _mutation("resized without keeping the ratio", wrapped(pipeline, "images_of", squeezed)),
    _mutation("box offsets not scaled", configured(unscaled_offsets)),
    _mutation("anchors half a cell off", configured(anchors_off)),
    _mutation("NMS at 0.7 in place of 0.5", configured(nms_of_proposals)),
    _mutation("NMS over all classes", inside(NMS, "batched_nms", of_all_classes)),
    _mutation(
        "regions half a pixel off", inside("mmcv.ops.roi_align:ext_module", "roi_align_forward", not_aligned)
    ),
    _mutation(
        "boxes not scaled back",
        inside(MASK_HEAD + ":FCNMaskHead", "_predict_by_feat_single", boxes_left_small),
    ),
    _mutation("masks pasted one pixel off", inside(MASK_HEAD, "_do_paste_mask", one_pixel_off)),
    _mutation("masks transposed", inside(MASK_HEAD, "_do_paste_mask", transposed)),
    _mutation("corners in place of sides", wrapped(pipeline, "detections", as_corners), "scoring"),
)

"""Configurations of a detector and a segmentor that are small enough to learn and to run in seconds."""

from __future__ import annotations

from typing import Any

from bench.catalog import read

DETECTOR, SEGMENTOR = "mask_rcnn-resnet50", "upernet-resnet50"


def small_detector(size: tuple[int, int]) -> dict[str, Any]:
    """Return that of a Mask R-CNN for images of (height, width) pixels."""
    config = _published(DETECTOR, size)
    config["backbone"] |= {"depth": 18, "base_channels": 16, "stem_channels": 16, "norm_eval": False}
    config["neck"] |= {"in_channels": [16, 32, 64, 128], "out_channels": 32}
    config["rpn_head"] |= {"in_channels": 32, "feat_channels": 32}
    heads = config["roi_head"]
    for extractor in ("bbox_roi_extractor", "mask_roi_extractor"):
        heads[extractor]["out_channels"] = 32
    heads["bbox_head"] |= {"in_channels": 32, "fc_out_channels": 128}
    heads["mask_head"] |= {"in_channels": 32, "conv_out_channels": 32, "num_convs": 2}
    config["train_cfg"]["rcnn"]["sampler"]["num"] = 64
    config["train_cfg"]["rpn_proposal"] |= {"nms_pre": 200, "max_per_img": 100}
    config["test_cfg"]["rpn"] |= {"nms_pre": 200, "max_per_img": 100}
    return config


def small_segmentor(size: tuple[int, int]) -> dict[str, Any]:
    """Return that of an UperNet for images of (height, width) pixels."""
    config = _published(SEGMENTOR, size)
    config["backbone"] |= {"depth": 18, "base_channels": 8, "stem_channels": 8}
    config["decode_head"] |= {"in_channels": [8, 16, 32, 64], "channels": 24}
    config["auxiliary_head"] |= {"in_channels": 32, "channels": 8}
    return config


def _published(key: str, size: tuple[int, int]) -> dict[str, Any]:
    # not before: importing this imports OpenMMLab when it is asked to
    from bench.zoo.openmmlab import backbones, source

    card = read.every_model()[key]
    return source.config_of(card, backbones.describe(card, size, {}))

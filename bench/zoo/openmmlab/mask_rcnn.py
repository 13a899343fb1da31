"""Mask R-CNN with a feature pyramid, as every paper that reports these backbones configures it.

Heads, pyramid and test settings are those of mmdet's `mask-rcnn_r50_fpn` (Mask R-CNN, He et al. 2017, on the
feature pyramid of Lin et al. 2017), which MambaOut, VMamba, LocalMamba, Swin and ConvNeXt change only in the
backbone; narrow heads for small images have the same layers. The result is plain data: mmdet's registry
builds it, and mmengine's `Runner` takes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.spec.card import Head
from bench.zoo.openmmlab.backbones import Backbone

Config = dict[str, Any]

CLASSES = 80
STRIDES = (4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Shape:
    """What narrow heads for small images have less of.

    Attributes:
        width: of pyramid and heads.
        hidden: of the two layers of the box head.
        mask_convs: of the mask head.
        anchor: side of an anchor over the stride of its map.
        proposals: regions that are kept of an image.
        per_level: regions of a map in training, before the overlapping ones are left out.
        sampled: regions of an image that the box head learns from.
        detections: of an image at most.

    """

    width: int = 256
    hidden: int = 1024
    mask_convs: int = 4
    anchor: int = 8
    proposals: int = 1000
    per_level: int = 2000
    sampled: int = 512
    detections: int = 100


SHAPES: Mapping[Head, Shape] = {
    "published": Shape(),
    "micro": Shape(
        width=48,
        hidden=128,
        mask_convs=2,
        anchor=4,
        proposals=100,
        per_level=200,
        sampled=64,
        detections=20,
    ),
}


def config(backbone: Backbone, head: Head = "published") -> Config:
    """Return the configuration of the detector on a backbone with four maps of the strides 4 to 32."""
    shape = SHAPES[head]
    return {
        "type": "MaskRCNN",
        "data_preprocessor": {
            "type": "DetDataPreprocessor",
            "mean": [123.675, 116.28, 103.53],
            "std": [58.395, 57.12, 57.375],
            "bgr_to_rgb": True,
            "pad_mask": True,
            "pad_size_divisor": 32,
        },
        "backbone": backbone.config,
        "neck": {
            "type": "FPN",
            "in_channels": list(backbone.channels),
            "out_channels": shape.width,
            "num_outs": len(STRIDES),
        },
        "rpn_head": _proposals(shape),
        "roi_head": _heads(shape),
        "train_cfg": _training(shape),
        "test_cfg": {
            "rpn": _proposal_limits(shape.proposals, shape),
            "rcnn": {
                "score_thr": 0.05,
                "nms": {"type": "nms", "iou_threshold": 0.5},
                "max_per_img": shape.detections,
                "mask_thr_binary": 0.5,
            },
        },
    }


def _proposals(shape: Shape) -> Config:
    return {
        "type": "RPNHead",
        "in_channels": shape.width,
        "feat_channels": shape.width,
        "anchor_generator": {
            "type": "AnchorGenerator",
            "scales": [shape.anchor],
            "ratios": [0.5, 1.0, 2.0],
            "strides": list(STRIDES),
        },
        "bbox_coder": _coder([1.0, 1.0, 1.0, 1.0]),
        "loss_cls": {"type": "CrossEntropyLoss", "use_sigmoid": True, "loss_weight": 1.0},
        "loss_bbox": {"type": "L1Loss", "loss_weight": 1.0},
    }


def _heads(shape: Shape) -> Config:
    return {
        "type": "StandardRoIHead",
        "bbox_roi_extractor": _regions(7, shape),
        "bbox_head": {
            "type": "Shared2FCBBoxHead",
            "in_channels": shape.width,
            "fc_out_channels": shape.hidden,
            "roi_feat_size": 7,
            "num_classes": CLASSES,
            "bbox_coder": _coder([0.1, 0.1, 0.2, 0.2]),
            "reg_class_agnostic": False,
            "loss_cls": {"type": "CrossEntropyLoss", "use_sigmoid": False, "loss_weight": 1.0},
            "loss_bbox": {"type": "L1Loss", "loss_weight": 1.0},
        },
        "mask_roi_extractor": _regions(14, shape),
        "mask_head": {
            "type": "FCNMaskHead",
            "num_convs": shape.mask_convs,
            "in_channels": shape.width,
            "conv_out_channels": shape.width,
            "num_classes": CLASSES,
            "loss_mask": {"type": "CrossEntropyLoss", "use_mask": True, "loss_weight": 1.0},
        },
    }


def _coder(stds: Sequence[float]) -> Config:
    return {"type": "DeltaXYWHBBoxCoder", "target_means": [0.0] * 4, "target_stds": list(stds)}


def _regions(size: int, shape: Shape) -> Config:
    return {
        "type": "SingleRoIExtractor",
        "roi_layer": {"type": "RoIAlign", "output_size": size, "sampling_ratio": 0},
        "out_channels": shape.width,
        # the coarsest map serves proposals only
        "featmap_strides": list(STRIDES[:-1]),
    }


def _proposal_limits(per_level: int, shape: Shape) -> Config:
    return {
        "nms_pre": per_level,
        "max_per_img": shape.proposals,
        "nms": {"type": "nms", "iou_threshold": 0.7},
        "min_bbox_size": 0,
    }


def _training(shape: Shape) -> Config:
    return {
        "rpn": {
            "assigner": _assigner(0.7, 0.3, 0.3, low_quality=True),
            "sampler": _sampler(256, 0.5, truth=False),
            "allowed_border": -1,
            "pos_weight": -1,
            "debug": False,
        },
        "rpn_proposal": _proposal_limits(shape.per_level, shape),
        "rcnn": {
            "assigner": _assigner(0.5, 0.5, 0.5, low_quality=True),
            "sampler": _sampler(shape.sampled, 0.25, truth=True),
            "mask_size": 28,
            "pos_weight": -1,
            "debug": False,
        },
    }


def _assigner(positive: float, negative: float, least: float, *, low_quality: bool) -> Config:
    return {
        "type": "MaxIoUAssigner",
        "pos_iou_thr": positive,
        "neg_iou_thr": negative,
        "min_pos_iou": least,
        "match_low_quality": low_quality,
        "ignore_iof_thr": -1,
    }


def _sampler(count: int, positive: float, *, truth: bool) -> Config:
    return {
        "type": "RandomSampler",
        "num": count,
        "pos_fraction": positive,
        "neg_pos_ub": -1,
        "add_gt_as_proposals": truth,
    }

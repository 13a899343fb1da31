"""UperNet, as every paper that reports these backbones configures it.

Heads and test settings are those of mmsegmentation's `upernet_swin` (Unified Perceptual Parsing, Xiao et al.
2018) for the 150 classes of ADE20K, which MambaOut, VMamba, LocalMamba, Swin and ConvNeXt change only in the
backbone; Vim and LocalVim have no maps but those of stride 16. The result is plain data, as for Mask R-CNN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.spec.card import Head
from bench.zoo.openmmlab.backbones import Backbone

Config = dict[str, Any]

CLASSES = 150
PYRAMID = "BenchVimPyramid"
"""What configurations call `pyramid.VimPyramid`."""

CROP_PX, STRIDE_PX = 512, 341


@dataclass(frozen=True)
class Shape:
    """What differs from family to family.

    Attributes:
        channels: width of the head; None for that of the maps.
        auxiliary: which map the auxiliary head takes.
        auxiliary_channels: width of the auxiliary head.
        pyramid: whether the maps all have stride 16 and are taken to four strides first.
        slide: whether images are tested in overlapping crops instead of whole.

    """

    channels: int | None = 512
    auxiliary: int = 2
    auxiliary_channels: int = 256
    pyramid: bool = False
    slide: bool = False


USUAL = Shape()
SHAPES = {
    # hustvl/Vim at dd0358a: its head is as wide as its maps
    "Vim": Shape(channels=None, pyramid=True, slide=True),
    # hunto/LocalMamba at 75e5d1f: mmsegmentation's configuration of ViT without its neck
    "LocalVim": Shape(auxiliary=3),
}
# narrow heads for small images
MICRO = Shape(channels=40, auxiliary_channels=32)


def config(backbone: Backbone, family: str, head: Head = "published") -> Config:
    """Return the configuration of the segmentor on a backbone with four maps."""
    shape = MICRO if head == "micro" else SHAPES.get(family, USUAL)
    return {
        "type": "EncoderDecoder",
        "data_preprocessor": {
            "type": "SegDataPreProcessor",
            "mean": [123.675, 116.28, 103.53],
            "std": [58.395, 57.12, 57.375],
            "bgr_to_rgb": True,
            "pad_val": 0,
            "seg_pad_val": 255,
            "size": (CROP_PX, CROP_PX),
        },
        "backbone": backbone.config,
        "neck": {"type": PYRAMID, "width": backbone.channels[0]} if shape.pyramid else None,
        "decode_head": {
            "type": "UPerHead",
            "in_channels": list(backbone.channels),
            "in_index": [0, 1, 2, 3],
            "pool_scales": (1, 2, 3, 6),
            "channels": shape.channels or backbone.channels[0],
            **_common(1.0),
        },
        "auxiliary_head": {
            "type": "FCNHead",
            "in_channels": backbone.channels[shape.auxiliary],
            "in_index": shape.auxiliary,
            "channels": shape.auxiliary_channels,
            "num_convs": 1,
            "concat_input": False,
            **_common(0.4),
        },
        "train_cfg": {},
        "test_cfg": {"mode": "slide", "crop_size": (CROP_PX, CROP_PX), "stride": (STRIDE_PX, STRIDE_PX)}
        if shape.slide
        else {"mode": "whole"},
    }


def _common(weight: float) -> Config:
    return {
        "dropout_ratio": 0.1,
        "num_classes": CLASSES,
        # synchronised in training on several GPUs; the entries and, in evaluation, the function are the same
        "norm_cfg": {"type": "BN", "requires_grad": True},
        "align_corners": False,
        "loss_decode": {"type": "CrossEntropyLoss", "use_sigmoid": False, "loss_weight": weight},
    }

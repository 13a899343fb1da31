"""The backbone of every detector and segmentor, family by family, as OpenMMLab's configurations describe one.

Most are the networks of the catalog, with their output norms. Swin and ResNet are OpenMMLab's own classes,
since the published detectors and segmentors are made of those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import timm
import torch
from torch import Tensor, nn

from bench.catalog import read
from bench.nets.build import build_net
from bench.spec.card import ModelCard
from bench.zoo.openmmlab import names, staged

NAME = "BenchBackbone"
"""What configurations call the networks of the catalog."""

Config = dict[str, Any]
Rename = Callable[[Mapping[str, Tensor], nn.Module], Mapping[str, Tensor]]
DEEP_STEM = {"mask_rcnn": "ResNet", "upernet": "ResNetV1c"}
"""Which ResNet the published models of a method have; that of UperNet begins with three convolutions."""


@dataclass(frozen=True)
class Backbone:
    """A backbone as a configuration, the width of every map it gives, and how published names are read."""

    config: Config
    channels: tuple[int, ...]
    rename: Rename


def describe(card: ModelCard, image_size: tuple[int, int], choices: Mapping[str, object]) -> Backbone:
    """Describe the backbone of the detector or segmentor `card` for images of (height, width) pixels.

    Raises `KeyError` for a family that has none.
    """
    backbone = read.models()[card.ref]
    if backbone.family == "Swin":
        return _swin(backbone)
    if backbone.family == "ResNet":
        return _resnet(card.source)
    with torch.device("meta"):
        outline: Any = build(backbone.key, image_size, **choices)
    config = {"type": NAME, "ref": backbone.key, "image_size": image_size, **choices}
    return Backbone(config, tuple(outline.channels), _renames(backbone))


def build(ref: str, image_size: tuple[int, int], **choices: object) -> nn.Module:
    """Build the backbone of a card of the catalog; it returns four maps (b, c, h, w).

    `choices` are those of `bench.nets.build.Options` that the card has.
    """
    card = read.models()[ref]
    if card.source == "native":
        return build_net(card.ref, image_size, backbone=True, **choices)
    return STAGED[card.family](card.ref)


STAGED: Mapping[str, Callable[[str], nn.Module]] = {
    "MambaOut": staged.mambaout,
    "ConvNeXt": staged.convnext,
}
RENAMES: Mapping[str, Rename] = {
    "MambaOut": names.unchanged,
    "VMamba": names.vmamba,
    "LocalVMamba": names.vmamba,
    "Vim": names.plain,
    "LocalVim": names.plain,
}


def _renames(card: ModelCard) -> Rename:
    return partial(names.convnext, ref=card.ref) if card.family == "ConvNeXt" else RENAMES[card.family]


def _swin(card: ModelCard) -> Backbone:
    with torch.device("meta"):
        model: Any = timm.create_model(card.ref)
    config = {
        "type": "SwinTransformer",
        "embed_dims": model.embed_dim,
        "depths": [len(layer.blocks) for layer in model.layers],
        "num_heads": [layer.blocks[0].attn.num_heads for layer in model.layers],
        "window_size": model.layers[0].blocks[0].window_size[0],
    }
    return Backbone(config, tuple(info["num_chs"] for info in model.feature_info), names.swin)


def _resnet(method: str) -> Backbone:
    config = {
        "type": DEEP_STEM[method],
        "depth": 50,
        "norm_cfg": {"type": "BN", "requires_grad": True},
        "norm_eval": method == "mask_rcnn",
        "style": "pytorch",
    }
    return Backbone(config, (256, 512, 1024, 2048), names.unchanged)

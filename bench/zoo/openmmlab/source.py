"""Builds detectors and segmentors from their cards."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import torch
from torch import nn

from bench.nets.adapt import take_prefix
from bench.spec.card import ModelCard
from bench.spec.errors import Unsupported
from bench.zoo.contract import Choices, Network, StateDict
from bench.zoo.openmmlab import backbones, mask_rcnn, pyramid, stack, upernet

BACKBONE, NECK = "backbone.", "neck."
# mean and standard deviation of the pipeline, which some versions stored
UNREAD = ("data_preprocessor.",)


def create(card: ModelCard, height_px: int, width_px: int, choices: Choices) -> Network:
    """Build mmdet's detector or mmsegmentation's segmentor that `card` describes.

    Networks whose tables belong to a size are built for an input of `height_px` x `width_px`. Raises
    `MissingExtra` where OpenMMLab is not installed, and `Unsupported` for a size that the card rules out.
    """
    wrong_size = card.wrong_size(height_px, width_px)
    if wrong_size is not None:
        raise Unsupported(wrong_size)
    stack.start(card.key)
    chosen: dict[str, Any] = {name: getattr(choices, name) for name in card.options}
    built_for = (card.height_px, card.width_px) if card.any_size else (height_px, width_px)
    described = backbones.describe(card, built_for, chosen)
    model = build(card, config_of(card, described))
    return Network(model, partial(_adapt, described, model))


def config_of(card: ModelCard, backbone: backbones.Backbone) -> dict[str, Any]:
    """Return the configuration of a detector or segmentor, as OpenMMLab's registries take it."""
    if card.source == "mask_rcnn":
        return mask_rcnn.config(backbone, card.head)
    return upernet.config(backbone, card.family, card.head)


def build(card: ModelCard, config: Mapping[str, Any]) -> nn.Module:
    """Build a configuration, with initial weights as OpenMMLab draws them."""
    from mmengine.config import ConfigDict  # noqa: PLC0415
    from mmengine.registry import DefaultScope  # noqa: PLC0415

    scope = "mmdet" if card.kind == "detection" else "mmseg"
    register()
    # the scope decides whose class of a name is built: both have a ResNet
    with DefaultScope.overwrite_default_scope(scope), stack.quiet():
        model: Any = _models(scope).build(ConfigDict(config))
        if next(model.parameters()).device != torch.device("meta"):
            model.init_weights()
    return cast(nn.Module, model)


def register() -> None:
    """Make our parts known to OpenMMLab by name, so that its `Runner` builds these configurations too."""
    from mmengine.registry import MODELS  # noqa: PLC0415

    for name, part in {backbones.NAME: backbones.build, upernet.PYRAMID: pyramid.VimPyramid}.items():
        MODELS.register_module(name=name, module=part, force=True)


def _models(scope: str) -> Any:
    if scope == "mmdet":
        from mmdet.registry import MODELS  # noqa: PLC0415
    else:
        from mmseg.registry import MODELS  # noqa: PLC0415
    return MODELS


def _adapt(backbone: backbones.Backbone, model: nn.Module, state: StateDict) -> StateDict:
    """Return the entries of a published detector or segmentor with the names that the model has."""
    rest = {name: value for name, value in state.items() if not name.startswith((BACKBONE, *UNREAD))}
    trunk = take_prefix(state, BACKBONE)
    parts = {name: value for name, value in trunk.items() if name.startswith(pyramid.PARTS)}
    net = model.get_submodule("backbone")
    renamed = backbone.rename({name: trunk[name] for name in trunk if name not in parts}, net)
    return {
        **{BACKBONE + name: value for name, value in renamed.items()},
        **{NECK + name: value for name, value in parts.items()},
        **rest,
    }

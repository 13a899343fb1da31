"""Vision transformers of timm with a causal mask, and twins that differ in nothing but the mask.

MambaOut (arXiv 2405.07992, figure 3b) compares the two. It does not say how the tokens are pooled;
both twins take the mean, see `bench.nets.vit_causal`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import timm
from torch import nn

from bench.nets.vit_causal import POOLED_VIT, make_causal
from bench.spec.card import ModelCard
from bench.spec.errors import Unsupported
from bench.zoo.contract import Choices, Network
from bench.zoo.timm_source import CLASSES, adapt, checkpoint_filter

ARCHITECTURES: Mapping[str, tuple[str, bool]] = {
    "vit_tiny_visible": ("deit_tiny_patch16_224", False),
    "vit_tiny_causal": ("deit_tiny_patch16_224", True),
    "vit_small_visible": ("deit_small_patch16_224", False),
    "vit_small_causal": ("deit_small_patch16_224", True),
}
"""By `ref` of a card: the network of timm, and whether its attention is causal."""


def create(card: ModelCard, height_px: int, width_px: int, _choices: Choices) -> Network:
    """Build `card.ref` for 1000 classes and an input of `height_px` x `width_px`.

    Raises `Unsupported` for a size that is not whole patches.
    """
    wrong_size = card.wrong_size(height_px, width_px)
    if wrong_size is not None:
        raise Unsupported(wrong_size)
    name, causal = ARCHITECTURES[card.ref]
    size: dict[str, Any] = {"img_size": (height_px, width_px), **POOLED_VIT}
    model: nn.Module = timm.create_model(name, pretrained=False, num_classes=CLASSES, **size)
    if causal:
        make_causal(model)
    return Network(model, partial(adapt, checkpoint_filter(name), model))

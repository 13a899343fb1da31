"""Classes of timm at less width and depth than any published network, for small images of few classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import timm
from torch import nn

from bench.nets.vit_causal import POOLED_VIT, make_causal
from bench.spec.card import ModelCard
from bench.spec.errors import Unsupported
from bench.zoo.contract import Choices, Network
from bench.zoo.timm_source import adapt, checkpoint_filter


@dataclass(frozen=True)
class Reduced:
    """A network of timm and what differs of it.

    Attributes:
        base: the published network whose class and other arguments it has.
        arguments: those of timm's class that are others.
        causal: whether its attention sees only earlier tokens.

    """

    base: str
    arguments: Mapping[str, Any]
    causal: bool = False


DROP_PATH = {"drop_path_rate": 0.05}
VIT: Mapping[str, Any] = {
    "patch_size": 8,
    "embed_dim": 96,
    "depth": 5,
    "num_heads": 3,
    **POOLED_VIT,
    **DROP_PATH,
}
REDUCED: Mapping[str, Reduced] = {
    "micro_mambaout": Reduced(
        "mambaout_femto", {"depths": (1, 2, 3, 1), "dims": (24, 48, 96, 128), **DROP_PATH}
    ),
    "micro_vit_visible": Reduced("deit_tiny_patch16_224", VIT),
    "micro_vit_causal": Reduced("deit_tiny_patch16_224", VIT, causal=True),
}
"""By `ref` of a card."""


def create(card: ModelCard, height_px: int, width_px: int, _choices: Choices) -> Network:
    """Build `card.ref` for the classes of its card and an input of `height_px` x `width_px`.

    Raises `Unsupported` for a size that is not whole patches.
    """
    wrong_size = card.wrong_size(height_px, width_px)
    if wrong_size is not None:
        raise Unsupported(wrong_size)
    size = {} if card.any_size else {"img_size": (height_px, width_px)}
    model = build(card.ref, num_classes=card.classes, **size)
    return Network(model, partial(adapt, checkpoint_filter(REDUCED[card.ref].base), model))


def build(ref: str, **arguments: Any) -> nn.Module:
    """Build a network of `REDUCED` with further arguments of timm's class."""
    reduced = REDUCED[ref]
    model: nn.Module = timm.create_model(reduced.base, pretrained=False, **{**reduced.arguments, **arguments})
    return make_causal(model) if reduced.causal else model

"""Networks that timm builds."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import timm
from timm.models import get_pretrained_cfg, model_entrypoint
from torch import nn

from bench.spec.card import ModelCard
from bench.spec.errors import Unsupported
from bench.zoo.contract import Choices, Network, StateDict

CLASSES = 1000


def create(card: ModelCard, height_px: int, width_px: int, _choices: Choices) -> Network:
    """Build timm's `card.ref` for 1000 classes and an input of `height_px` x `width_px`.

    Networks with `any_size` are the same for every size. The others are built for the
    input: position tables have its size, and windows keep their published size except
    where a whole map is smaller. Raises `Unsupported` for sizes that are not whole patches,
    since timm would drop the pixels that are left over, and for networks this timm lacks.
    """
    try:
        get_pretrained_cfg(card.ref, allow_unregistered=False)
    except RuntimeError:
        raise Unsupported(
            f"timm {timm.__version__} has no {card.ref}; run: pip install --upgrade timm"
        ) from None
    wrong_size = card.wrong_size(height_px, width_px)
    if wrong_size is not None:
        raise Unsupported(wrong_size)
    size: dict[str, Any] = {} if card.any_size else {"img_size": (height_px, width_px)}
    model: nn.Module = timm.create_model(card.ref, pretrained=False, num_classes=CLASSES, **size)
    return Network(model, partial(adapt, checkpoint_filter(card.ref), model))


def checkpoint_filter(ref: str) -> Callable[..., StateDict] | None:
    """Return timm's function that reads the publisher's names, where the family has one."""
    # it stands beside the function that makes the network
    module = sys.modules[model_entrypoint(ref).__module__]
    found: Callable[..., StateDict] | None = getattr(module, "checkpoint_filter_fn", None)
    return found


def adapt(rename: Callable[..., StateDict] | None, model: nn.Module, state: StateDict) -> StateDict:
    """Return the entries as `rename`, one of timm's filters, gives them for a network."""
    if rename is None:
        return state
    takes_model = len(inspect.signature(rename).parameters) > 1
    return rename(dict(state), model) if takes_model else rename(dict(state))

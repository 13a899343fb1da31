"""Networks of `bench.nets`: Vim, VMamba, LocalVMamba and LocalVim."""

from __future__ import annotations

from functools import partial

from torch import nn

from bench.nets.adapt import adapt_state
from bench.nets.build import NETS, build_net
from bench.nets.localvim import LocalVimConfig
from bench.spec.card import ModelCard
from bench.spec.errors import Unsupported
from bench.zoo.contract import Choices, Network, StateDict


def create(card: ModelCard, height_px: int, width_px: int, choices: Choices) -> Network:
    """Build the network `card.ref` for the classes of its card and an input of `height_px` x `width_px`.

    Networks with `any_size` are the same for every size; the others have tables for this one. Raises
    `Unsupported` for a size that the card rules out.
    """
    wrong_size = card.wrong_size(height_px, width_px)
    if wrong_size is not None:
        raise Unsupported(wrong_size)
    options: dict[str, object] = {name: getattr(choices, name) for name in card.options}
    model = build_net(card.ref, (height_px, width_px), num_classes=card.classes, **options)
    return Network(model, partial(_adapt, card, model))


def _adapt(card: ModelCard, model: nn.Module, state: StateDict) -> StateDict:
    try:
        return adapt_state(state, model)
    except ValueError as error:
        if _has_fixed_positions(card, model):
            raise Unsupported(
                f"the published code cannot resize the positions of {card.key}, which has a class token "
                f"among them; the size of its checkpoint is {card.height_px}x{card.width_px}"
            ) from error
        raise


def _has_fixed_positions(card: ModelCard, model: nn.Module) -> bool:
    config = NETS[card.ref]
    if not isinstance(config, LocalVimConfig) or not config.class_token:
        return False
    return model.grid != config.grid((card.height_px, card.width_px))

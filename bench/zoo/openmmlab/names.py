"""From the names in published detectors and segmentors to those of the networks here, backbone by backbone.

Each function takes the entries of a backbone without their prefix. What it does not know it leaves alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from torch import Tensor, nn

from bench.nets.adapt import rename_vmamba, resize_tables, squeeze_linear
from bench.zoo import timm_source

State = Mapping[str, Tensor]

OWN_NORM = re.compile(r"norm[0-3]\.")
"""The output norms of ConvNeXt and Swin."""

CONVNEXT_OF_OPENMMLAB = (("depthwise_conv.", "dwconv."), ("pointwise_conv", "pwconv"))
"""Parts of names in mmpretrain's ConvNeXt, and what its authors call them."""

RECOMPUTED = (".attn_mask",)
"""Ends of names of what Swin's own code stores although it follows from the size of the image."""


def unchanged(state: State, _net: nn.Module) -> State:
    """Return the entries as they are."""
    return state


def vmamba(state: State, net: nn.Module) -> State:
    """Bring names of January 2024 and projections stored as 1x1 convolutions up to date."""
    return squeeze_linear(rename_vmamba(state), net.state_dict())


def plain(state: State, net: nn.Module) -> State:
    """Resize the tables of Vim and LocalVim to the grid of the network."""
    trunk = cast(Any, net)
    return resize_tables(state, trunk.grid, class_token=trunk.config.class_token)


def convnext(state: State, net: nn.Module, ref: str) -> State:
    """Read the names of ConvNeXt's authors and of mmpretrain, by way of timm's own filter."""
    norms = {name: value for name, value in state.items() if OWN_NORM.match(name)}
    rest = {_authors_name(name): value for name, value in state.items() if name not in norms}
    renamed = timm_source.adapt(timm_source.checkpoint_filter(ref), net, rest)
    return {**squeeze_linear(renamed, net.state_dict()), **norms}


def _authors_name(name: str) -> str:
    for theirs, authors in CONVNEXT_OF_OPENMMLAB:
        name = name.replace(theirs, authors)
    return name


def swin(state: State, _net: nn.Module) -> State:
    """Read the names and orders of Swin's authors, by way of mmdet's own converter."""
    if not any(name.startswith("layers.") for name in state):
        return state
    from mmdet.models.backbones.swin import swin_converter  # noqa: PLC0415

    kept = {name: value for name, value in state.items() if not name.endswith(RECOMPUTED)}
    return {name.removeprefix("backbone."): value for name, value in swin_converter(kept).items()}

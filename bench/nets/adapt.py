"""Turn the content of a published checkpoint into a state dict for a network of this package.

Pure functions on what `torch.load` returned: nothing here reads files or changes its arguments.

    state = adapt_state(select_state(checkpoint), net)
    net.load_state_dict(state)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from bench.nets import hierarchy, plain
from bench.nets.localvim import LocalVimConfig
from bench.nets.position import Grid, Rotary, resize_rows

State = Mapping[str, Tensor]
ClassRow = Literal["first", "middle"]

CONTAINER_KEYS = ("model_ema", "ema_model", "state_dict", "model")
"""Where checkpoint files hold their weights, averaged ones first."""

WRAPPERS = ("module.", "_orig_mod.")
"""Prefixes of parallel and compiled training, which may be nested."""

TABLES = ("pos_embed", "rope.freqs_cos", "rope.freqs_sin")
HEADS = ("classifier.", "head.", "norm_f.")

OLD_VMAMBA_NAMES = (
    ("patch_embed.proj.", "patch_embed.0."),
    ("patch_embed.norm.", "patch_embed.2."),
    ("norm.", "classifier.norm."),
    ("head.", "classifier.head."),
)
"""Starts of entry names in VMamba files from before 19 January 2024, and what they became."""

OLD_VMAMBA_PARTS = ((".ln_1.", ".norm."), (".self_attention.", ".op."))
"""The same for parts inside the names of blocks."""


def select_state(
    checkpoint: Mapping[str, object], keys: Sequence[str] = CONTAINER_KEYS, *, whole: bool = False
) -> dict[str, Tensor]:
    """Return the weights in `checkpoint`: under the first of `keys` that it has, else itself.

    Prefixes that wrappers add (`module.`, `_orig_mod.` of compiled networks, and `backbone.` of
    detectors and segmentors) are taken off; of a detector or segmentor only the backbone is returned,
    unless `whole` asks for all of it with its names as they are. Raises ValueError if there are no weights.
    """
    for key in keys:
        content = checkpoint.get(key)
        if isinstance(content, Mapping) and content:
            break
    else:
        content = checkpoint
    state = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    if not state or len(state) < len(content):
        raise ValueError(
            f"no weights found in a checkpoint with the keys {', '.join(map(str, checkpoint))}; "
            f"looked under {', '.join(keys)}"
        )
    for prefix in WRAPPERS * 2:
        state = take_prefix(state, prefix) if all(name.startswith(prefix) for name in state) else state
    return state if whole else take_prefix(state, "backbone.") or state


def take_prefix(state: State, prefix: str) -> dict[str, Tensor]:
    """Return the entries whose names start with `prefix`, without it."""
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def rename_vmamba(state: State) -> dict[str, Tensor]:
    """Return `state` with the names of the first VMamba files changed to the current ones."""
    return {_vmamba_name(name): value for name, value in state.items()}


def _vmamba_name(name: str) -> str:
    for old, new in OLD_VMAMBA_NAMES:
        if name.startswith(old):
            return new + name.removeprefix(old)
    for old, new in OLD_VMAMBA_PARTS:
        name = name.replace(old, new)
    return name


def squeeze_linear(state: State, like: State) -> dict[str, Tensor]:
    """Return `state` with (out, in, 1, 1) weights made (out, in) where `like` has them so."""

    def fitted(name: str, value: Tensor) -> Tensor:
        flat = name in like and like[name].dim() == 2 and value.dim() == 4 and value.shape[2:] == (1, 1)
        return value.flatten(1) if flat else value

    return {name: fitted(name, value) for name, value in state.items()}


def resize_positions(
    pos_embed: Tensor, old: Grid, new: Grid, *, class_token: bool, class_row: ClassRow = "first"
) -> Tensor:
    """Return `pos_embed` (1, rows, c) of grid `old` for grid `new`, resized bicubically.

    With a class token, `class_row` says which row is kept as it is. `middle` is where Vim has its class
    token. `first` is what the Vim code keeps: it takes row 0, in truth the first patch, for the class
    token, and treats the others, class row included, as the map. The published long-sequence models
    were fine-tuned from a table resized so.
    """
    if old == new:
        return pos_embed
    if not class_token:
        return resize_rows(pos_embed, old, new)
    tokens = old[0] * old[1]
    place = 0 if class_row == "first" else tokens // 2
    kept = pos_embed[:, place : place + 1]
    patches = resize_rows(torch.cat((pos_embed[:, :place], pos_embed[:, place + 1 :]), dim=1), old, new)
    place = 0 if class_row == "first" else new[0] * new[1] // 2
    return torch.cat((patches[:, :place], kept, patches[:, place:]), dim=1)


def resize_tables(
    state: State, grid: Grid, *, class_token: bool, class_row: ClassRow = "first", old: Grid | None = None
) -> dict[str, Tensor]:
    """Return `state` with its position and rotary tables resized to `grid`.

    `old` is the grid of the checkpoint, by default square. Raises ValueError if its tables are not.
    """
    result = dict(state)
    for name in TABLES:
        if name not in state:
            continue
        table = state[name]
        extra = class_token and name == "pos_embed"
        source = old or _square(name, table.shape[-2] - extra, grid)
        if extra:
            result[name] = resize_positions(table, source, grid, class_token=True, class_row=class_row)
        else:
            result[name] = resize_rows(table, source, grid)
    return result


def _square(name: str, tokens: int, grid: Grid) -> Grid:
    """Return the grid of a table: square, or `grid` itself if no square has as many tokens."""
    side = math.isqrt(tokens)
    if side * side == tokens:
        return side, side
    if tokens == grid[0] * grid[1]:
        return grid
    raise ValueError(f"{name} has {tokens} tokens, which make no square grid; say which grid it belongs to")


def adapt_state(
    state: State, net: nn.Module, *, class_row: ClassRow = "first", old: Grid | None = None
) -> dict[str, Tensor]:
    """Return `state`, weights of a published file, as `net` wants them: names, shapes and tables.

    For a backbone the entries of the head are left out and those that the published files lack (output
    norms, the bias of layer norms) are added as they are in `net`, so that a strict load succeeds; so
    are rotary tables, which follow from the grid.
    What does not fit is left as it is, for the load to complain about. Raises ValueError for a table that
    cannot be resized.
    """
    like = net.state_dict()
    result = dict(state)
    if isinstance(net, hierarchy.Trunk):
        result = rename_vmamba(result)
    elif isinstance(net, plain.PlainTrunk):
        result = _fit_tables(result, net, class_row, old)
    if isinstance(net, hierarchy.Backbone | plain.PlainBackbone):
        result = _fit_backbone(result, like)
    return squeeze_linear(result, like)


def _fit_tables(
    state: State, net: plain.PlainTrunk, class_row: ClassRow, old: Grid | None
) -> dict[str, Tensor]:
    config = net.config
    if config.rotary:
        state = _with_rotary(state, net, old)
    resized = resize_tables(state, net.grid, class_token=config.class_token, class_row=class_row, old=old)
    unpublished = isinstance(config, LocalVimConfig) and config.class_token and class_row == "first"
    if unpublished and "pos_embed" in state and resized["pos_embed"] is not state["pos_embed"]:
        raise ValueError(
            "the published code cannot resize the positions of a LocalVim with class token; "
            "use the image size of the checkpoint, or class_row='middle' for a resize that is not published"
        )
    return resized


def _with_rotary(state: State, net: plain.PlainTrunk, old: Grid | None) -> State:
    """Add the rotary tables of the checkpoint's grid where it lacks them: they are no weights."""
    if "pos_embed" not in state:
        return state
    grid = old or _square("pos_embed", state["pos_embed"].shape[-2], net.grid)
    tables = Rotary(grid, net.config.width).state_dict()
    return {f"rope.{name}": table for name, table in tables.items()} | dict(state)


def _fit_backbone(state: State, like: State) -> dict[str, Tensor]:
    kept = {name: value for name, value in state.items() if name in like or not name.startswith(HEADS)}
    for name, value in like.items():
        own = name.startswith("outnorm") or (name.startswith("layers.") and name.endswith(".norm.bias"))
        if own and name not in kept:
            kept[name] = value
    return kept

"""Checkpoints of every published form become state dicts that load strictly."""

from __future__ import annotations

import zlib
from argparse import Namespace
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.nets.adapt import adapt_state, rename_vmamba, resize_positions, select_state
from bench.nets.build import build_net

State = dict[str, Tensor]


def state_of(key: str, image_size: tuple[int, int] = (64, 64), seed: int = 0) -> State:
    return dict(build_net(key, image_size, seed=seed).state_dict())


def marked(value: float) -> State:
    return {"a.weight": torch.full((2,), value), "b": torch.zeros(1)}


def test_averaged_weights_come_first_unless_told_otherwise() -> None:
    checkpoint = {"model": marked(1), "model_ema": marked(2), "epoch": 3, "args": Namespace(lr=1)}
    assert select_state(checkpoint)["a.weight"][0] == 2
    assert select_state(checkpoint, ["model"])["a.weight"][0] == 1


@pytest.mark.parametrize("key", ["model", "model_ema", "ema_model", "state_dict"])
def test_every_container(key: str) -> None:
    assert select_state({key: marked(4), "optimizer": {}})["a.weight"][0] == 4


def test_bare_and_wrapped_files() -> None:
    assert set(select_state(marked(1))) == {"a.weight", "b"}
    wrapped = {f"module.module.{name}": value for name, value in marked(1).items()}
    assert set(select_state({"state_dict": wrapped})) == {"a.weight", "b"}
    detector = {f"backbone.{name}": value for name, value in marked(1).items()} | {"neck.x": torch.zeros(1)}
    assert set(select_state({"state_dict": detector, "meta": {}})) == {"a.weight", "b"}


@pytest.mark.parametrize("checkpoint", [{}, {"epoch": 3, "config": "x"}, {"model": {}, "epoch": 3}])
def test_no_weights_is_explained(checkpoint: dict[str, object]) -> None:
    with pytest.raises(
        ValueError, match=r"no weights found in a checkpoint with the keys .*; looked under model_ema, "
    ):
        select_state(checkpoint)


def old_name(name: str) -> str:
    for new, old in (
        ("patch_embed.0.", "patch_embed.proj."),
        ("patch_embed.2.", "patch_embed.norm."),
        ("classifier.norm.", "norm."),
        ("classifier.head.", "head."),
    ):
        if name.startswith(new):
            return old + name.removeprefix(new)
    return (
        name.replace(".norm.", ".ln_1.")
        .replace(".op.out_norm", ".op.out_norm")
        .replace(".op.", ".self_attention.")
    )


@torch.inference_mode()
def test_first_vmamba_files() -> None:
    net = build_net("vmamba_v0_tiny", seed=3)
    state = net.state_dict()
    old = {old_name(name) if "downsample" not in name else name: value for name, value in state.items()}
    assert set(old) & set(state) == {name for name in state if "downsample" in name}
    four_dimensional = {
        name: value[:, :, None, None] if name.endswith(("in_proj.weight", "out_proj.weight")) else value
        for name, value in old.items()
    }
    other = build_net("vmamba_v0_tiny", seed=4)
    other.load_state_dict(adapt_state(four_dimensional, other))
    x = torch.randn(1, 3, 32, 32)
    assert torch.equal(other(x), net(x))


def test_current_names_are_left_alone() -> None:
    for key in ("vmamba_tiny_s1l8", "local_vmamba_tiny"):
        with torch.device("meta"):
            state = dict(build_net(key).state_dict())
        assert set(rename_vmamba(state)) == set(state)


def test_mlp_weights_of_convolutions() -> None:
    net = build_net("vmamba_tiny_s2l5")
    state = {
        name: value[:, :, None, None] if name.endswith(("fc1.weight", "fc2.weight")) else value
        for name, value in net.state_dict().items()
    }
    assert {name: v.shape for name, v in adapt_state(state, net).items()} == {
        name: v.shape for name, v in net.state_dict().items()
    }


def test_convolutions_keep_their_shape_and_strangers_stay() -> None:
    net = build_net("vmamba_tiny_s2l5")
    odd = {"layers.0.downsample.1.weight": torch.zeros(2, 2, 1, 1), "stranger": torch.zeros(1)}
    adapted = adapt_state(odd, net)
    assert adapted["layers.0.downsample.1.weight"].shape == (2, 2, 1, 1)
    assert set(adapted) == set(odd)


@pytest.mark.parametrize(
    ("key", "missing", "dropped"),
    [
        ("vmamba_v0_tiny", "outnorm0.weight", "classifier.head.weight"),
        ("localvim_tiny", "layers.3.norm.bias", "norm_f.weight"),
        ("vim_tiny", None, "head.bias"),
    ],
)
def test_backbones_load_strictly(key: str, missing: str | None, dropped: str) -> None:
    state = state_of(key, seed=1)
    net = build_net(key, (64, 64), backbone=True)
    assert dropped in state
    adapted = adapt_state(state, net)
    net.load_state_dict(adapted)
    assert dropped not in adapted
    if missing is not None:
        assert missing not in state
        assert torch.equal(adapted[missing].unique(), torch.tensor([float(missing.endswith("weight"))]))


def test_vim_positions_as_the_published_code_resizes_them(golden: Callable[[str], Any]) -> None:
    stored = golden("vim_tiny").arrays["pos_embed_256x256"]
    noise = np.random.Generator(np.random.PCG64(zlib.crc32(b"pos_embed")))
    table = torch.from_numpy(noise.standard_normal((1, 197, 192)).astype(np.float32) / np.float32(50.0))
    net = build_net("vim_tiny", (256, 256))
    resized = adapt_state({"pos_embed": table}, net)["pos_embed"]
    torch.testing.assert_close(resized, torch.from_numpy(stored), rtol=0, atol=1e-7)


def test_both_ways_to_resize_a_table_with_a_class_row() -> None:
    table = torch.randn(1, 17, 3)
    first = resize_positions(table, (4, 4), (6, 2), class_token=True)
    assert torch.equal(first[:, 0], table[:, 0])
    middle = resize_positions(table, (4, 4), (6, 2), class_token=True, class_row="middle")
    assert torch.equal(middle[:, 6], table[:, 8])
    patches = torch.cat((table[:, :8], table[:, 9:]), dim=1)
    expected = resize_positions(patches, (4, 4), (6, 2), class_token=False)
    assert torch.equal(torch.cat((middle[:, :6], middle[:, 7:]), dim=1), expected)
    assert resize_positions(table, (4, 4), (4, 4), class_token=True) is table


def test_tables_of_localvim_are_resized_together() -> None:
    state, net = state_of("localvim_tiny"), build_net("localvim_tiny", (96, 48))
    adapted = adapt_state(state, net)
    net.load_state_dict(adapted)
    assert adapted["rope.freqs_cos"].shape == (18, 192)
    squares = adapted["rope.freqs_cos"].square() + adapted["rope.freqs_sin"].square()
    assert (squares - 1).abs().max() > 1e-3  # interpolated, as published, not computed anew


def test_tables_of_the_same_size_are_left_alone() -> None:
    state = state_of("localvim_tiny", (96, 48))
    adapted = adapt_state(state, build_net("localvim_tiny", (96, 48)))
    assert all(torch.equal(adapted[name], state[name]) for name in state)


def test_a_table_of_as_many_rows_is_still_resized_to_another_shape() -> None:
    state, net = state_of("localvim_tiny", (64, 64)), build_net("localvim_tiny", (128, 32))
    assert not torch.equal(adapt_state(state, net)["pos_embed"], state["pos_embed"])
    same = adapt_state(state, net, old=(8, 2))["pos_embed"]
    assert torch.equal(same, state["pos_embed"])


def test_a_table_of_no_square_is_explained() -> None:
    state = {"pos_embed": torch.zeros(1, 18, 192)}
    with pytest.raises(
        ValueError, match="pos_embed has 18 tokens, which make no square grid; say which grid"
    ):
        adapt_state(state, build_net("localvim_tiny", (64, 64)))
    resized = adapt_state(state, build_net("localvim_tiny", (64, 64)), old=(6, 3))
    assert resized["pos_embed"].shape == (1, 16, 192)


def test_localvim_with_class_token_cannot_be_resized_as_published() -> None:
    state = state_of("localvim_tiny_middle_cls_token")
    net = build_net("localvim_tiny_middle_cls_token", (96, 96))
    with pytest.raises(ValueError, match="cannot resize the positions of a LocalVim with class token"):
        adapt_state(state, net)
    net.load_state_dict(adapt_state(state, net, class_row="middle"))
    same = build_net("localvim_tiny_middle_cls_token", (64, 64))
    same.load_state_dict(adapt_state(state, same))


def test_adapting_changes_nothing_in_place() -> None:
    state = state_of("vim_tiny")
    before = {name: value.clone() for name, value in state.items()}
    adapt_state(state, build_net("vim_tiny", (96, 96)))
    assert all(torch.equal(state[name], before[name]) for name in before)


def test_rotary_tables_that_a_file_lacks_are_those_of_its_own_grid() -> None:
    state = state_of("localvim_tiny", (64, 64))
    bare = {name: value for name, value in state.items() if not name.startswith("rope.")}
    for size in ((64, 64), (96, 80)):
        net = build_net("localvim_tiny", size)
        whole, filled = adapt_state(state, net), adapt_state(bare, net)
        assert set(whole) == set(filled) == set(net.state_dict())
        assert all(torch.equal(filled[name], value) for name, value in whole.items())
    assert set(bare) == set(state) - {"rope.freqs_cos", "rope.freqs_sin"}

"""Files of every publisher load, with the weights that were meant, and no code of theirs is run."""

from __future__ import annotations

import collections
import pathlib
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bench import zoo
from bench.nets.adapt import resize_positions
from bench.nets.position import resize_rows
from bench.spec.errors import BadWeights, Unsupported
from bench.zoo.checkpoint import read_state_dict, unpickle
from bench.zoo.harmless import HARMLESS, Inert, plain_dict
from tests.zoo.published_files import (
    State,
    first_names,
    foreign,
    hollow,
    prefixed,
    save_localmamba_training,
    save_mmengine,
    save_vim,
    save_vmamba,
    state_of,
)


def assert_holds(model: nn.Module, expected: State) -> None:
    found = model.state_dict()
    assert set(found) == set(expected)
    assert [name for name, value in expected.items() if not torch.equal(found[name], value)] == []


def test_vim_takes_the_averaged_weights(tmp_path: Path) -> None:
    state = state_of("vim_tiny")
    save_vim(tmp_path / "vim_t.pth", raw=hollow(state), averaged=state)
    model = zoo.build("vim_tiny", weights=tmp_path / "vim_t.pth")
    assert not model.training
    assert_holds(model, state)


def test_vmamba_takes_the_averaged_weights(tmp_path: Path) -> None:
    assert "yacs" not in sys.modules
    state = state_of("vmamba_tiny_s1l8")
    save_vmamba(tmp_path / "vssm1.pth", raw=prefixed(hollow(state), "module."), averaged=state)
    assert_holds(zoo.build("vmamba_tiny_s1l8", weights=str(tmp_path / "vssm1.pth")), state)


def test_the_first_vmamba_takes_the_raw_weights_under_their_old_names(tmp_path: Path) -> None:
    state = state_of("vmamba_v0_tiny")
    old = first_names(state)
    assert {"patch_embed.proj.weight", "norm.weight", "head.bias"} <= set(old)
    assert old["layers.0.blocks.1.self_attention.in_proj.weight"].shape == (384, 96, 1, 1)
    assert "layers.0.blocks.1.ln_1.weight" in old
    save_vmamba(tmp_path / "vssmtiny.pth", raw=prefixed(old, "module."), averaged=hollow(old))
    assert_holds(zoo.build("vmamba_v0_tiny", weights=str(tmp_path / "vssmtiny.pth")), state)


@pytest.mark.parametrize("averaged", [True, False])
def test_files_with_and_without_an_average(tmp_path: Path, averaged: bool) -> None:
    raw, average = hollow(state_of("vmamba_tiny_s2l5"), 1.0), hollow(state_of("vmamba_tiny_s2l5"), 2.0)
    save_vmamba(tmp_path / "mine.pth", raw, average if averaged else None)
    model = zoo.build("vmamba_tiny_s2l5", weights=str(tmp_path / "mine.pth"))
    assert {float(value.unique()) for value in model.state_dict().values()} == {2.0 if averaged else 1.0}


def test_localmamba_as_exported_and_as_trained(tmp_path: Path) -> None:
    state = state_of("localvim_tiny")
    torch.save({"state_dict": state}, tmp_path / "local_vim_tiny.ckpt")
    assert_holds(zoo.build("localvim_tiny", weights=str(tmp_path / "local_vim_tiny.ckpt")), state)
    save_localmamba_training(tmp_path / "last.ckpt", raw=hollow(state), averaged=state)
    assert_holds(zoo.build("localvim_tiny", weights=str(tmp_path / "last.ckpt")), state)


def test_a_mixer_of_localvim_keeps_four_different_decays(tmp_path: Path) -> None:
    state = state_of("localvim_tiny")
    torch.save({"state_dict": state}, tmp_path / "local_vim_tiny.ckpt")
    found = zoo.build("localvim_tiny", weights=str(tmp_path / "local_vim_tiny.ckpt")).state_dict()
    decays = [found[f"layers.7.mixer.A_log_{direction}"] for direction in range(4)]
    assert len({float(decay.sum()) for decay in decays}) == 4


def test_of_a_detector_the_backbone_is_read_and_the_classifier_is_missed(tmp_path: Path) -> None:
    state = state_of("vmamba_tiny_s1l8")
    trunk = {name: value for name, value in state.items() if not name.startswith("classifier.")}
    backbone = trunk | {f"outnorm{stage}.weight": torch.ones(96 * 2**stage) for stage in range(4)}
    save_mmengine(tmp_path / "mask_rcnn.pth", backbone)
    assert set(read_state_dict(tmp_path / "mask_rcnn.pth")) == set(backbone)
    with pytest.raises(BadWeights) as caught:
        zoo.build("vmamba_tiny_s1l8", weights=str(tmp_path / "mask_rcnn.pth"))
    assert str(caught.value) == (
        f"{tmp_path}/mask_rcnn.pth and vmamba_tiny_s1l8 do not fit: "
        "4 missing (classifier.norm.weight, classifier.norm.bias, classifier.head.weight, ...); "
        "4 unexpected (outnorm0.weight, outnorm1.weight, outnorm2.weight, ...)"
    )


@pytest.mark.parametrize(
    "prefix", ["module.", "module.module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."]
)
def test_wrappers_are_taken_off(tmp_path: Path, prefix: str) -> None:
    torch.save({"model": prefixed({"a": torch.ones(1), "b.c": torch.zeros(1)}, prefix)}, tmp_path / "x.pth")
    assert set(read_state_dict(tmp_path / "x.pth")) == {"a", "b.c"}


@pytest.mark.parametrize(
    ("keys", "value"),
    [((), 1.0), (("model",), 2.0), (("state_dict", "model"), 3.0), (("absent",), 1.0)],
)
def test_the_card_says_which_weights_come_first(tmp_path: Path, keys: tuple[str, ...], value: float) -> None:
    content = {
        name: {"a": torch.tensor([number])}
        for name, number in (("model_ema", 1.0), ("model", 2.0), ("state_dict", 3.0))
    }
    torch.save(content, tmp_path / "x.pth")
    assert read_state_dict(tmp_path / "x.pth", keys)["a"].item() == value


def test_plain_data_of_every_kind_does_no_harm(tmp_path: Path) -> None:
    with foreign("mmengine.config.config", "ConfigDict", dict) as config:
        torch.save(
            {
                "model": {"a": torch.ones(1)},
                "numbers": [np.int64(3), np.float32(0.5), np.bool_(True), np.arange(4.0), np.dtype("int8")],
                "counts": collections.defaultdict(list, {"x": [1]}),
                "more": [collections.Counter("aab"), collections.OrderedDict(a=1), {1, 2}, 1 + 2j],
                "config": config(lr=0.1),
                "object array": np.array([{"a": 1}, None], dtype=object),
                "paths": [pathlib.PurePosixPath("a/b"), pathlib.Path("c"), pathlib.PureWindowsPath("d:/e")],
            },
            tmp_path / "x.pth",
        )
    assert read_state_dict(tmp_path / "x.pth")["a"].item() == 1


class Calls:
    """An object whose unpickling calls a function."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize(
    ("trap", "name"),
    [
        (Calls(Path.touch, Path("sprung")), "pathlib.Path"),
        (Calls(eval, "open('sprung', 'w')"), "eval"),
        (Calls(exec, "open('sprung', 'w')"), "exec"),
        (Calls(collections.defaultdict, open), "open"),
        (Calls(torch.load, "other.pth"), "torch.serialization.load"),
        (Calls(np.load, "other.npy"), "numpy"),
    ],
    ids=["touch", "eval", "exec", "factory", "torch.load", "numpy.load"],
)
def test_what_could_run_code_is_named_and_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trap: Calls, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"model": {"a": torch.ones(1)}, "config": trap}, "x.pth")
    with pytest.raises(BadWeights) as caught:
        read_state_dict(Path("x.pth"))
    said = str(caught.value)
    assert said.startswith("x.pth is not a readable checkpoint: it refers to ")
    assert name in said.partition("refers to ")[2].partition(",")[0]
    assert said.endswith("and reading it could run code; save only its weights in a new file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.pth"]


def test_what_a_file_takes_out_of_an_object_is_not_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # a method is stored as what is to be taken out of its type, which is one of those that are let in
    torch.save(
        {"model": {"a": torch.ones(1)}, "config": Calls(np.ndarray.tofile, np.ones(1), "sprung")}, "x.pth"
    )
    with pytest.raises(BadWeights, match="it calls what it has taken out of an object, and reading it could"):
        read_state_dict(Path("x.pth"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.pth"]


def test_what_a_file_takes_out_of_an_object_is_nothing(tmp_path: Path) -> None:
    content = {"model": {"a": torch.ones(1)}, "config": Calls(getattr, "x", "upper")}
    torch.save(content, tmp_path / "x.pth")
    assert read_state_dict(tmp_path / "x.pth")["a"].item() == 1
    read = unpickle(tmp_path / "x.pth")
    assert isinstance(read, dict)
    assert type(read["config"]) is Inert


def test_nothing_that_is_let_in_is_what_it_says() -> None:
    assert {stand_in for stand_in, _ in HARMLESS} == {Inert, plain_dict, collections.OrderedDict}
    assert vars(Inert(1, "x")) == {}
    kept = Inert()
    kept.__setstate__({"a": 1})
    assert vars(kept) == {}


def test_the_types_that_are_let_in_are_put_back(tmp_path: Path) -> None:
    before = set(torch.serialization.get_safe_globals())
    torch.save({"a": torch.ones(1)}, tmp_path / "x.pth")
    read_state_dict(tmp_path / "x.pth")
    (tmp_path / "x.pth").write_text("no checkpoint")
    with pytest.raises(BadWeights):
        read_state_dict(tmp_path / "x.pth")
    assert set(torch.serialization.get_safe_globals()) == before


def resized(key: str, size: tuple[int, int]) -> tuple[State, nn.Module, Tensor]:
    state = state_of(key)
    path = Path("x.pth")
    torch.save({"state_dict": state}, path)
    model = zoo.build(key, weights=path, image_size=size)
    with torch.inference_mode():
        return state, model, model(torch.zeros(1, 3, *size))


@pytest.mark.parametrize(
    ("key", "size", "grid"), [("vim_tiny", (256, 256), (16, 16)), ("vim_tiny", (224, 320), (14, 20))]
)
def test_positions_of_vim_are_resized_as_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, size: tuple[int, int], grid: tuple[int, int]
) -> None:
    monkeypatch.chdir(tmp_path)
    state, model, logits = resized(key, size)
    assert logits.isfinite().all()
    expected = resize_positions(state["pos_embed"], (14, 14), grid, class_token=True)
    assert_holds(model, state | {"pos_embed": expected})


def test_tables_of_localvim_are_resized_as_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    state, model, logits = resized("localvim_tiny", (230, 192))
    assert logits.isfinite().all()
    names = ("pos_embed", "rope.freqs_cos", "rope.freqs_sin")
    assert_holds(model, state | {name: resize_rows(state[name], (14, 14), (15, 12)) for name in names})


def test_localvim_resizes_alike_when_it_is_loaded_and_when_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, _, logits = resized("localvim_tiny", (224, 192))
    with torch.inference_mode():
        at_run_time = zoo.build("localvim_tiny", weights="x.pth")(torch.zeros(1, 3, 224, 192))
    torch.testing.assert_close(logits, at_run_time)


def test_positions_with_a_class_token_among_them_cannot_be_resized(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Unsupported) as caught:
        resized("localvim_tiny_middle_cls_token", (256, 256))
    assert str(caught.value) == (
        "the published code cannot resize the positions of localvim_tiny_middle_cls_token, which has a class "
        "token among them; the size of its checkpoint is 224x224"
    )

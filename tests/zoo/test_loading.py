"""Networks are built for a size, alike at every call, and filled with exactly the weights asked for."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import safetensors.torch
import timm
import torch
from torch import Tensor, nn

from bench import zoo
from bench.machine import weights as cache
from bench.spec.card import ModelCard
from bench.spec.errors import BadWeights, MissingWeights, UnknownName, Unsupported
from bench.zoo import loading

if TYPE_CHECKING:
    from tests.zoo.conftest import MakeCard

State = dict[str, Tensor]


def donor(ref: str = "mambaout_femto.in1k") -> State:
    """Weights that no initialisation would give."""
    torch.manual_seed(1)
    model = timm.create_model(ref, num_classes=1000)
    return {
        name: torch.randn_like(value) if value.is_floating_point() else value
        for name, value in model.state_dict().items()
    }


def load_file(card: ModelCard, path: Path, height_px: int = 224, width_px: int = 224) -> nn.Module:
    return zoo.load(card, weights=str(path), height_px=height_px, width_px=width_px).model


def assert_filled(model: nn.Module, expected: State) -> None:
    found = model.state_dict()
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def official_mambaout(state: State) -> State:
    """Rename timm's entries to those of the authors' code, by the table of names."""
    renamed = {}
    for name, value in state.items():
        parts = name.split(".")
        if parts[0] == "stem":
            parts[0] = "downsample_layers.0"
        elif parts[0] == "stages" and parts[2] == "downsample":
            parts = ["downsample_layers", parts[1], *parts[3:]]
        elif parts[0] == "stages":
            parts = ["stages", parts[1], *parts[3:]]
        else:
            table = {
                "head.norm": "norm",
                "head.pre_logits.fc": "head.fc1",
                "head.pre_logits.norm": "head.norm",
                "head.fc": "head.fc2",
            }
            parts = [table[".".join(parts[:-1])], parts[-1]]
        renamed[".".join(parts)] = value
    return renamed


def test_build_is_deterministic_and_leaves_the_random_state_alone() -> None:
    before = torch.random.get_rng_state()
    first, second = zoo.build("mobilenetv3_small"), zoo.build("mobilenetv3_small")
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not first.training
    assert_filled(second, dict(first.state_dict()))
    assert any(value.std() > 0 for value in first.state_dict().values() if value.numel() > 1)
    with torch.inference_mode():
        assert first(torch.zeros(2, 3, 64, 64)).shape == (2, 1000)


def test_build_names_the_nearest_key() -> None:
    with pytest.raises(UnknownName) as caught:
        zoo.build("mambaout_tinny")
    assert str(caught.value) == "unknown model 'mambaout_tinny'; did you mean 'mambaout_tiny'?"


@pytest.mark.parametrize("size", [(288, 288), (384, 384), (512, 512), (224, 160)])
@pytest.mark.parametrize("key", ["deit_tiny", "swin_tiny"])
def test_sized_networks_run_at_every_size(key: str, size: tuple[int, int]) -> None:
    model = zoo.build(key, image_size=size)
    with torch.inference_mode():
        logits = model(torch.zeros(1, 3, *size))
    assert logits.shape == (1, 1000)
    assert logits.isfinite().all()


def test_swin_keeps_its_window_wherever_the_map_is_larger() -> None:
    windows = {
        size: [stage.blocks[0].window_size for stage in zoo.build("swin_tiny", image_size=size).layers]  # type: ignore[union-attr]
        for size in [(384, 384), (224, 160), (96, 96)]
    }
    assert windows == {
        (384, 384): [(7, 7)] * 4,
        (224, 160): [(7, 7), (7, 7), (7, 7), (7, 5)],
        (96, 96): [(7, 7), (7, 7), (6, 6), (3, 3)],
    }


def test_sizes_that_are_not_whole_patches_are_refused() -> None:
    with pytest.raises(Unsupported) as caught:
        zoo.build("deit_tiny", image_size=(230, 224))
    assert str(caught.value) == (
        "deit_tiny takes heights and widths that are multiples of 16 px, not 230x224; "
        "the nearest size is 224x224"
    )
    with pytest.raises(Unsupported, match="the nearest size is 224x228"):
        zoo.build("swin_tiny", image_size=(224, 227))
    with pytest.raises(Unsupported, match="at least 32 px, not 32x31; the nearest size is 32x32"):
        zoo.build("convnext_tiny", image_size=(32, 31))


def test_a_network_that_this_timm_lacks(make_card: MakeCard) -> None:
    card = make_card(ref="mambaout_femto.of_tomorrow")
    with pytest.raises(Unsupported) as caught:
        zoo.load(card, weights="random", height_px=224, width_px=224)
    assert str(caught.value) == (
        f"timm {timm.__version__} has no mambaout_femto.of_tomorrow; run: pip install --upgrade timm"
    )


def test_published_weights_come_from_the_cache_with_their_hash(make_card: MakeCard) -> None:
    state = donor()
    path = cache.cache_path(make_card())
    path.parent.mkdir(parents=True)
    safetensors.torch.save_file(state, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    for card in (make_card(), make_card(weights_sha256=sha256)):
        loaded = zoo.load(card, weights="published", height_px=224, width_px=224)
        assert loaded.weights_sha256 == sha256
        assert_filled(loaded.model, state)
    with pytest.raises(BadWeights) as caught:
        zoo.load(make_card(weights_sha256="0" * 64), weights="published", height_px=224, width_px=224)
    assert str(caught.value) == (
        f"{path} has the SHA-256 {sha256}, not {'0' * 64} as the card of mambaout_femto says; "
        "remove the file to have it downloaded again"
    )


def test_absent_weights(make_card: MakeCard, tmp_path: Path) -> None:
    with pytest.raises(
        MissingWeights, match="is not in the cache and this machine is set offline; put the file at"
    ):
        zoo.build("mambaout_femto", weights="published")
    with pytest.raises(MissingWeights) as caught:
        zoo.build("mambaout_femto", weights=str(tmp_path / "mine.pth"))
    assert str(caught.value) == f"no file {tmp_path}/mine.pth; correct `weights` in the suite"


@pytest.mark.parametrize("container", [None, "model", "state_dict", "model_ema", "state_dict_ema"])
def test_containers(make_card: MakeCard, tmp_path: Path, container: str | None) -> None:
    state = donor()
    # what timm's own training writes beside the weights
    extras = {"epoch": 3, "args": argparse.Namespace(lr=0.1)}
    torch.save(state if container is None else {container: state, **extras}, tmp_path / "mine.pth")
    assert_filled(load_file(make_card(), tmp_path / "mine.pth"), state)


def test_averaged_weights_win_and_wrappers_are_taken_off(make_card: MakeCard, tmp_path: Path) -> None:
    state = donor()
    wrapped = {f"module.{name}": value for name, value in state.items()}
    other = {name: torch.zeros_like(value) for name, value in state.items()}
    torch.save({"model": other, "model_ema": wrapped}, tmp_path / "mine.pth")
    assert_filled(load_file(make_card(), tmp_path / "mine.pth"), state)


@pytest.mark.parametrize("key", ["mambaout_femto", "mambaout_base"])
def test_official_names_of_mambaout(make_card: MakeCard, tmp_path: Path, key: str) -> None:
    card = make_card(key)
    state = donor(card.ref)
    official = official_mambaout(state)
    assert official["head.norm.weight"].shape == (4 * official["norm.weight"].shape[0],)
    assert set(official).isdisjoint(name for name in state if not name.startswith("head.norm"))
    torch.save(official, tmp_path / "official.pth")
    assert_filled(load_file(card, tmp_path / "official.pth"), state)


def test_position_table_is_resized_as_timm_does(make_card: MakeCard, tmp_path: Path) -> None:
    card = make_card("deit_tiny")
    state = donor(card.ref)
    safetensors.torch.save_file(state, tmp_path / "mine.safetensors")
    ours = load_file(card, tmp_path / "mine.safetensors", 288, 160)
    theirs = timm.create_model(
        card.ref,
        pretrained=True,
        img_size=(288, 160),
        pretrained_cfg_overlay={"file": str(tmp_path / "mine.safetensors")},
    )
    assert_filled(ours, dict(theirs.state_dict()))
    assert ours.state_dict()["pos_embed"].shape == (1, 18 * 10 + 1, 192)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_window_tables_are_resized_as_timm_does(make_card: MakeCard, tmp_path: Path) -> None:
    card = make_card("swin_tiny")
    safetensors.torch.save_file(donor(card.ref), tmp_path / "mine.safetensors")
    theirs = timm.create_model(
        card.ref,
        pretrained=True,
        img_size=(96, 96),
        pretrained_cfg_overlay={"file": str(tmp_path / "mine.safetensors")},
    )
    assert_filled(load_file(card, tmp_path / "mine.safetensors", 96, 96), dict(theirs.state_dict()))


def test_differences_are_named(make_card: MakeCard, tmp_path: Path) -> None:
    state = donor()
    for name in ("stem.conv1.bias", "stem.norm1.weight", "stem.norm1.bias", "stem.conv2.bias"):
        del state[name]
    state["head.fc.weight"] = state["head.fc.weight"][:10]
    state["extra.scale"] = torch.zeros(())
    torch.save(state, tmp_path / "mine.pth")
    with pytest.raises(BadWeights) as caught:
        load_file(make_card(), tmp_path / "mine.pth")
    assert str(caught.value) == (
        f"{tmp_path}/mine.pth and mambaout_femto do not fit: "
        "4 missing (stem.conv1.bias, stem.norm1.weight, stem.norm1.bias, ...); "
        "1 unexpected (extra.scale); 1 of another shape (head.fc.weight is 10x1152 and not 1000x1152)"
    )


def test_weights_of_another_network(make_card: MakeCard, tmp_path: Path) -> None:
    torch.save(donor("resnet18.tv_in1k"), tmp_path / "mine.pth")
    for key in ("mambaout_femto", "deit_tiny", "convnext_tiny", "mobilenetv3_small"):
        with pytest.raises(BadWeights, match=f"mine.pth and {key} do not fit: "):
            load_file(make_card(key), tmp_path / "mine.pth")


class Trap:
    """An object whose unpickling would run code."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("trap-was-sprung"),)  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["mine.pth", "mine.safetensors"])
def test_damaged_files(make_card: MakeCard, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    state = donor()
    if name.endswith("pth"):
        torch.save(state, path)
    else:
        safetensors.torch.save_file(state, path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(BadWeights, match="is not a readable checkpoint"):
        load_file(make_card(), path)
    for content in ("<html>404</html>", "hello world, not a checkpoint", ""):
        path.write_text(content)
        with pytest.raises(BadWeights) as caught:
            load_file(make_card(), path)
        said = str(caught.value)
        assert said.startswith(f"{path} is not a readable checkpoint: ")
        assert said.endswith("; get the file again, or save its weights anew")
        # torch advises to let code run
        assert [word for word in ("Error", "weights_only") if word in said] == []


def test_no_code_of_a_checkpoint_is_run(
    make_card: MakeCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"model": donor(), "trap": Trap()}, tmp_path / "mine.pth")
    with pytest.raises(BadWeights, match="is not a readable checkpoint"):
        load_file(make_card(), tmp_path / "mine.pth")
    assert not (tmp_path / "trap-was-sprung").exists()


@pytest.mark.parametrize("content", [{}, {"epoch": 1}, [1, 2]])
def test_files_without_tensors(make_card: MakeCard, tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "mine.pth")
    with pytest.raises(
        BadWeights, match=r"mine\.pth (holds no tensors by name|is not a readable checkpoint)"
    ):
        load_file(make_card(), tmp_path / "mine.pth")


def test_every_source_of_the_catalog_resolves() -> None:
    literal = ModelCard.model_fields["source"].annotation
    assert set(loading.SOURCES) == set(literal.__args__)  # type: ignore[union-attr]
    for name in loading.SOURCES:
        assert callable(loading._source(name))

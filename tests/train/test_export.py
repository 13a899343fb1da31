"""Rounded weights are installed, loaded by the card, and refused where they are not the very ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bench import zoo
from bench.catalog import read
from bench.machine import weights
from bench.machine.download import sha256_of
from bench.machine.obstacle import Obstacles
from bench.spec.card import ModelCard
from bench.spec.cell import PUBLISHED
from bench.spec.errors import BadWeights, MissingWeights, Unsupported, UserError
from bench.train import export
from bench.zoo import loading
from tests.records import make_cell

SHIPPED = {key: card for key, card in read.every_model().items() if card.weights_file is not None}
CLASSIFIERS = [key for key, card in SHIPPED.items() if card.kind == "classification"]


@pytest.fixture
def ships_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setattr(weights, "SHIPPED", folder)
    return folder


def load(card: ModelCard) -> zoo.Loaded:
    return zoo.load(card, weights=PUBLISHED, height_px=card.height_px, width_px=card.width_px)


def write(key: str, folder: Path) -> tuple[dict[str, torch.Tensor], str]:
    noise = torch.Generator().manual_seed(1)
    made = {
        name: torch.randn(value.shape, generator=noise) if value.is_floating_point() else value
        for name, value in zoo.build(key).state_dict().items()
    }
    return made, export.write(made, folder / f"{key}.safetensors")


def test_eight_networks_ship_with_the_bench() -> None:
    assert set(CLASSIFIERS) == {
        f"micro_{name}" for name in ("mambaout", "vmamba", "vim", "local_vmamba", "vit_visible", "vit_causal")
    }
    assert set(SHIPPED) - set(CLASSIFIERS) == {"mask_rcnn-micro_mambaout", "upernet-micro_vmamba"}
    assert all(300_000 <= SHIPPED[key].params <= 700_000 for key in CLASSIFIERS)
    assert SHIPPED["mask_rcnn-micro_mambaout"].params <= 1_500_000
    assert SHIPPED["upernet-micro_vmamba"].params <= 1_000_000
    # in half precision
    assert 2 * sum(card.params for card in SHIPPED.values()) < 12_000_000


@pytest.mark.parametrize("key", SHIPPED)
def test_a_file_is_there_with_its_hash_or_neither_is(key: str) -> None:
    card = SHIPPED[key]
    assert card.weights_file == f"{key}.safetensors"
    path = weights.shipped_path(card.weights_file)
    assert (sha256_of(path) if path.is_file() else None) == card.weights_sha256


@pytest.mark.parametrize("key", SHIPPED)
def test_a_shipped_file_is_loaded_in_single_precision(key: str, ships_from: Path) -> None:
    made, sha256 = write(key, ships_from)
    assert {str(value.dtype) for value in load_file(ships_from / f"{key}.safetensors").values()} <= {
        "torch.float16",
        "torch.int64",
    }
    loaded = load(SHIPPED[key].model_copy(update={"weights_sha256": sha256}))
    assert loaded.weights_sha256 == sha256
    for name, value in loaded.model.state_dict().items():
        assert value.dtype == made[name].dtype
        assert torch.equal(value, made[name].half().float() if value.is_floating_point() else made[name])


def test_another_file_is_refused(ships_from: Path) -> None:
    _, sha256 = write("micro_vim", ships_from)
    card = SHIPPED["micro_vim"].model_copy(update={"weights_sha256": "0" * 64})
    with pytest.raises(BadWeights) as caught:
        load(card)
    assert str(caught.value) == (
        f"{ships_from}/micro_vim.safetensors has the SHA-256 {sha256}, not {'0' * 64} as the card of "
        "micro_vim says; get the file again with the bench"
    )
    with pytest.raises(BadWeights, match=r"the card of micro_vim names micro_vim\.safetensors and no"):
        load(card.model_copy(update={"weights_sha256": None}))


@pytest.mark.usefixtures("ships_from")
def test_a_lost_file_is_missing_and_nothing_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "fetch", None)
    card = SHIPPED["micro_vim"]
    obstacles = Obstacles({"micro_vim": card}, read.tasks(), tmp_path)
    found = obstacles.find(make_cell("micro_vim", "accuracy", task="quickstart", height_px=64, width_px=64))
    assert isinstance(found, MissingWeights)
    assert str(found) == (
        f"{tmp_path}/weights/micro_vim.safetensors, which ships with the bench, is not there; get it again "
        "with the bench, or train it: python -m bench.train micro_vim --out runs/micro_vim"
    )


def test_a_task_of_more_classes_is_blocked(tmp_path: Path) -> None:
    obstacles = Obstacles(read.models(), read.tasks(), tmp_path)
    cell = make_cell("micro_vim", "accuracy", task="imagenet", height_px=64, width_px=64)
    found = obstacles.find(cell)
    assert isinstance(found, Unsupported)
    assert str(found) == "micro_vim tells 10 classes apart, but ImageNet-1K validation has 1,000"
    assert obstacles.find(cell.model_copy(update={"measure": "throughput"})) is None


def test_installing_enters_the_hash_and_nothing_else(tmp_path: Path) -> None:
    cards = tmp_path / "micro.yaml"
    text = (export.MODELS / "micro.yaml").read_text()
    cards.write_text(text)
    file = tmp_path / "trained.safetensors"
    for content in (b"first", b"second"):
        file.write_bytes(content)
        files = {"micro_vim": file, "mask_rcnn-micro_mambaout": file}
        export.install(files, cards, tmp_path / "weights")
    assert (tmp_path / "weights" / "micro_vim.safetensors").read_bytes() == b"second"
    assert (tmp_path / "weights" / "mask_rcnn-micro_mambaout.safetensors").read_bytes() == b"second"
    found = read.every_model.__wrapped__(tmp_path)
    hashed = {key for key, card in found.items() if card.weights_sha256 == sha256_of(file)}
    assert hashed >= set(files)
    lines = [line for line in cards.read_text().splitlines() if "weights_sha256" not in line]
    assert lines == [line for line in text.splitlines() if "weights_sha256" not in line]
    with pytest.raises(UserError, match=r"no card names `weights_file: vim_tiny\.safetensors`"):
        export.install({"vim_tiny": file}, cards, tmp_path / "weights")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"whole": False}, "the training ended after 7 epochs, before its last; train it to the end"),
        ({"sha256": "0" * 64}, "is not the file that .*result.json tells of; train it again"),
    ],
)
def test_no_file_of_an_unfinished_training_is_installed(
    tmp_path: Path, told: dict[str, object], said: str
) -> None:
    """A diverged training leaves the last weights that were numbers."""
    cards, file = tmp_path / "micro.yaml", tmp_path / "micro_vim" / "micro_vim.safetensors"
    text = (export.MODELS / "micro.yaml").read_text()
    cards.write_text(text)
    file.parent.mkdir()
    file.write_bytes(b"weights")
    result = {"sha256": sha256_of(file), "whole": True, "epochs": 7}
    file.with_name("result.json").write_text(json.dumps(result | told))
    whole = tmp_path / "trained.safetensors"
    whole.write_bytes(b"others")
    with pytest.raises(UserError, match=said):
        export.install({"micro_vmamba": whole, "micro_vim": file}, cards, tmp_path / "weights")
    assert cards.read_text() == text
    assert not (tmp_path / "weights").exists()
    for broken in ("", "[]", "{}"):
        file.with_name("result.json").write_text(broken)
        with pytest.raises(UserError, match=r"result\.json is no result of a training; train again"):
            export.install({"micro_vim": file}, cards, tmp_path / "weights")
    file.with_name("result.json").write_text(json.dumps(result))
    export.install({"micro_vim": file}, cards, tmp_path / "weights")
    assert (tmp_path / "weights" / "micro_vim.safetensors").read_bytes() == b"weights"


def test_weights_that_half_precision_cannot_hold() -> None:
    assert export.finite({"x": torch.tensor([6e4]), "n": torch.tensor(10**6)})
    assert not export.finite({"x": torch.tensor([7e4])})


def test_the_network_is_built_for_its_classes() -> None:
    assert {zoo.build(key)(torch.zeros(1, 3, 64, 64)).shape[1] for key in CLASSIFIERS} == {10}
    assert loading.SOURCES["reduced"] == "bench.zoo.reduced_source:create"

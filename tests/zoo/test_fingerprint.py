"""A file of another network is recognised, and the message says whose it is."""

from __future__ import annotations

import pytest
import torch

from bench.catalog import read
from bench.spec.errors import BadWeights
from bench.zoo import loading
from bench.zoo.contract import Choices, Network
from bench.zoo.fill import fill
from bench.zoo.fingerprint import owners
from tests.zoo.published_files import State, first_names, hollow, prefixed, state_of

NATIVE = [card.key for card in read.models().values() if card.source == "native"]


def network(key: str, size: tuple[int, int] = (224, 224)) -> Network:
    card = read.models()[key]
    with torch.device("meta"):
        return loading._source(card.source)(card, *size, Choices())


def filled(key: str, state: State, size: tuple[int, int] = (224, 224)) -> None:
    card = read.models()[key]
    fill(loading._initial(card, *size, Choices()), state, card, "x.pth")


def entries(key: str, size: tuple[int, int] | None = None) -> State:
    """Names and shapes; the values do not matter here."""
    card = read.models()[key]
    size = size or (card.height_px, card.width_px)
    return hollow(network(key, size).model.state_dict())


def refusal(key: str, state: State, size: tuple[int, int] = (224, 224)) -> str:
    with pytest.raises(BadWeights) as caught:
        fill(network(key, size), state, read.models()[key], "x.pth")
    return str(caught.value)


@pytest.mark.parametrize("key", NATIVE)
def test_every_file_is_known_by_its_entries(key: str) -> None:
    both = {"localvim_small", "localvim_small_unsearched"}
    assert set(owners(entries(key))) == (both if key in both else {key})


def test_the_wrong_link_of_localvim_small() -> None:
    said = refusal("localvim_small", entries("local_vmamba_small"))
    assert said.startswith("x.pth is a checkpoint of local_vmamba_small, not of localvim_small: ")
    assert "missing (pos_embed, " in said


def test_both_localvim_small_take_one_file() -> None:
    for key in ("localvim_small", "localvim_small_unsearched"):
        filled(key, entries("localvim_small"))


def test_a_file_of_another_ratio() -> None:
    said = refusal("vmamba_tiny_s2l5", entries("vmamba_tiny_s1l8"))
    assert said.startswith("x.pth is a checkpoint of vmamba_tiny_s1l8, not of vmamba_tiny_s2l5: ")
    assert "of another shape (layers.0.blocks.0.op.x_proj_weight is " in said


def test_a_file_of_another_stride_would_load_resized() -> None:
    assert refusal("vim_tiny_stride8", entries("vim_tiny")) == (
        "x.pth is a checkpoint of vim_tiny, not of vim_tiny_stride8"
    )
    assert refusal("vim_small", entries("vim_small_stride8"), (256, 256)) == (
        "x.pth is a checkpoint of vim_small_stride8, not of vim_small"
    )


def test_own_files_of_other_sizes_are_no_strangers() -> None:
    # 432 px at stride 16 have as many tokens as 224 px at stride 8
    filled("vim_tiny", entries("vim_tiny", (432, 432)), (432, 432))
    filled("vim_tiny", entries("vim_tiny", (256, 256)))
    filled("vim_tiny", entries("vim_tiny"), (256, 320))


def test_old_names_are_recognised() -> None:
    old = first_names(entries("vmamba_v0_small"))
    assert owners(old) == ("vmamba_v0_small",)
    assert refusal("vmamba_v0_tiny", old).startswith(
        "x.pth is a checkpoint of vmamba_v0_small, not of vmamba_v0_tiny: "
    )
    assert refusal("local_vmamba_small", old).startswith("x.pth is a checkpoint of vmamba_v0_small, not of ")


def test_positions_that_cannot_be_resized_do_not_hide_the_owner() -> None:
    # 196 rows are a grid for LocalVim, and for Vim a class row and a grid of no square
    said = refusal("vim_tiny", entries("localvim_tiny"))
    assert said == "x.pth is a checkpoint of localvim_tiny, not of vim_tiny"


@pytest.mark.parametrize("key", ["deit_tiny", "mambaout_femto", "vit_tiny_causal"])
def test_networks_of_timm_recognise_ours(key: str) -> None:
    assert refusal(key, entries("vim_tiny")).startswith(f"x.pth is a checkpoint of vim_tiny, not of {key}")


def test_files_of_nobody() -> None:
    state = entries("vmamba_v0_tiny")
    del state["classifier.head.bias"]
    assert owners(state) == ()
    assert refusal("vmamba_v0_tiny", state) == (
        "x.pth and vmamba_v0_tiny do not fit: 1 missing (classifier.head.bias)"
    )
    assert owners(prefixed(state_of("vim_tiny"), "encoder.")) == ()

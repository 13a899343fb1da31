"""What every network of the catalog must do, whoever builds it: on the smallest card of each family."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from bench import zoo
from bench.catalog import read
from bench.spec.card import KINDS, ModelCard
from bench.spec.errors import Unsupported
from bench.zoo import loading
from bench.zoo.contract import Choices

CARDS = list(read.models().values())
SMALLEST = {
    (card.family, card.source, card.classes): card
    for card in sorted(CARDS, key=lambda card: card.params, reverse=True)
}.values()
SIZE = (64, 96)

one_per_family = pytest.mark.parametrize("card", SMALLEST, ids=lambda card: card.key)


def build(card: ModelCard, **changes: object) -> nn.Module:
    return zoo.build(card.key, image_size=SIZE, **changes)  # type: ignore[arg-type]


def pictures(count: int = 2) -> Tensor:
    return torch.randn(count, 3, *SIZE, generator=torch.Generator().manual_seed(3))


def test_every_source_is_among_the_smallest() -> None:
    assert {card.source for card in SMALLEST} == set(loading.SOURCES) - set(KINDS)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.key)
def test_parameters_are_those_of_the_card_at_every_size_it_was_published_for(card: ModelCard) -> None:
    with torch.device("meta"):
        network = loading._source(card.source)(card, card.height_px, card.width_px, Choices())
    assert sum(weight.numel() for weight in network.model.parameters()) == card.params


@one_per_family
@torch.inference_mode()
def test_logits_are_those_of_an_evaluation(card: ModelCard) -> None:
    model, x = build(card), pictures()
    assert not any(module.training for module in model.modules())
    logits = model(x)
    assert (logits.shape, logits.dtype) == ((2, card.classes), torch.float32)
    assert logits.isfinite().all()
    # neither dropout nor anything else that draws numbers
    assert torch.equal(model(x), logits)


@one_per_family
@torch.inference_mode()
def test_logits_do_not_depend_on_the_batch(card: ModelCard) -> None:
    model, x = build(card), pictures()
    together, alone = model(x), torch.cat([model(x[:1]), model(x[1:])])
    assert (together - alone).norm() <= 1e-4 * together.norm()


@one_per_family
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64], ids=str)
@torch.inference_mode()
def test_the_number_format_is_kept_throughout(card: ModelCard, dtype: torch.dtype) -> None:
    model, x = build(card), pictures(1)
    expected = model(x).double()
    logits = model.to(dtype)(x.to(dtype))
    assert logits.dtype == dtype
    bound = 0.1 if dtype == torch.bfloat16 else 1e-4
    assert (logits.double() - expected).norm() <= bound * expected.norm()


@one_per_family
def test_random_weights_are_the_same_at_every_call(card: ModelCard) -> None:
    torch.manual_seed(11)
    first = build(card).state_dict()
    after = torch.random.get_rng_state()
    torch.manual_seed(12)
    second = build(card).state_dict()
    assert list(first) == list(second)
    assert all(torch.equal(first[name], value) for name, value in second.items())
    torch.manual_seed(11)
    assert torch.equal(torch.random.get_rng_state(), after)


@one_per_family
def test_a_saved_network_is_loaded_strictly_as_it_was(card: ModelCard, tmp_path: Path) -> None:
    model = build(card)
    noise = torch.Generator().manual_seed(5)
    saved = {
        name: torch.randn(value.shape, generator=noise) if value.is_floating_point() else value
        for name, value in model.state_dict().items()
    }
    save_file(saved, tmp_path / "mine.safetensors")
    loaded = build(card, weights=str(tmp_path / "mine.safetensors"))
    assert not loaded.training
    found = loaded.state_dict()
    assert list(found) == list(model.state_dict())
    assert all(torch.equal(found[name], value) for name, value in saved.items())


@pytest.mark.parametrize("card", [card for card in CARDS if card.any_size], ids=lambda card: card.key)
def test_a_network_for_any_size_is_the_same_for_every_size(card: ModelCard) -> None:
    with torch.device("meta"):
        shapes = [
            {name: value.shape for name, value in network.model.state_dict().items()}
            for network in (
                loading._source(card.source)(card, height, width, Choices())
                for height, width in ((64, 96), (card.height_px, card.width_px))
            )
        ]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("card", [card for card in CARDS if card.source != "timm"], ids=lambda card: card.key)
def test_the_card_knows_which_sizes_cannot_be(card: ModelCard) -> None:
    source = loading._source(card.source)
    least, step = card.smallest_px, card.multiple_px
    with torch.device("meta"):
        source(card, least, least + step, Choices())
        for wrong in {least - 1, least + step - 1} - {0, *range(least, 999, step)}:
            with pytest.raises(
                Unsupported, match=f"{card.key} takes heights and widths .* nearest size is {least}"
            ):
                source(card, least, wrong, Choices())


@pytest.mark.parametrize(
    "key", ["vim_tiny", "vim_tiny_stride8", "vmamba_v0_tiny", "vmamba_tiny_s1l8", "localvim_tiny"]
)
@torch.inference_mode()
def test_the_smallest_image_of_all(key: str) -> None:
    least = read.models()[key].smallest_px
    assert zoo.build(key, image_size=(least, least))(torch.zeros(1, 3, least, least)).isfinite().all()

"""The cards agree with timm: what is built, for which sizes, and how it is evaluated."""

import pytest
import timm
import torch
from timm.models import get_pretrained_cfg

from bench.catalog import read
from bench.spec.card import ModelCard

CARDS = pytest.mark.parametrize(
    "card", [card for card in read.models().values() if card.source == "timm"], ids=lambda card: card.key
)
# published with a resize to 256 px (microsoft/Swin-Transformer:data/build.py); timm changed it to 0.9
OTHER_CROP = {"swin_tiny": 0.875, "swin_small": 0.875, "swin_base": 0.875}


@CARDS
def test_preprocessing_and_address_are_those_of_timm(card: ModelCard) -> None:
    published = get_pretrained_cfg(card.ref)
    assert published is not None
    assert (card.height_px, card.width_px) == published.input_size[1:]
    assert card.preprocessing.crop_pct == OTHER_CROP.get(card.key, published.crop_pct)
    assert published.crop_mode == "center"
    assert card.preprocessing.interpolation == published.interpolation
    assert card.preprocessing.mean == published.mean
    assert card.preprocessing.std == published.std
    assert card.weights_url == f"https://huggingface.co/{published.hf_hub_id}/resolve/main/model.safetensors"
    assert card.licence.lower() == published.license


@CARDS
def test_any_size_is_true_of_networks_without_position_tables(card: ModelCard) -> None:
    with torch.device("meta"):
        model = timm.create_model(card.ref, num_classes=1000)
    embed = getattr(model, "patch_embed", None)
    assert card.any_size == (getattr(embed, "img_size", None) is None)


@CARDS
def test_sizes_are_whole_patches_of_networks_with_position_tables(card: ModelCard) -> None:
    if card.any_size:
        assert card.multiple_px == 1
        return
    with torch.device("meta"):
        model = timm.create_model(card.ref, num_classes=1000)
    assert (card.multiple_px, card.multiple_px) == model.get_submodule("patch_embed").patch_size


@CARDS
@torch.inference_mode()
def test_the_smallest_size_is_the_smallest_that_the_network_runs_at(card: ModelCard) -> None:
    least = max(card.smallest_px, card.multiple_px)
    with torch.device("meta"):
        model = timm.create_model(card.ref, **({} if card.any_size else {"img_size": least})).eval()
        assert model(torch.zeros(1, 3, least, least)).shape == (1, 1000)
        if least > card.multiple_px:
            with pytest.raises(RuntimeError, match="greater than actual input size"):
                model(torch.zeros(1, 3, least, least - 1))

"""Which edits of a card start figures anew, and that digests of older records hold."""

from __future__ import annotations

import pytest

from bench.catalog import read
from bench.spec.cell import MEASURES


@pytest.mark.parametrize(
    ("key", "of_network", "with_weights"),
    [
        ("mambaout_tiny", "d005ef0917bf", "fbf0966ed208"),
        ("deit_small", "f5c861785a08", "bde4ce1a11a3"),
        ("swin_tiny", "a75ea3c403db", "7369386bafc7"),
    ],
)
def test_digests_of_recorded_cards_hold(key: str, of_network: str, with_weights: str) -> None:
    card = read.models()[key]
    assert {measure: card.digest_for(measure) for measure in MEASURES} == {
        "accuracy": with_weights,
        **dict.fromkeys((measure for measure in MEASURES if measure != "accuracy"), of_network),
    }


def test_another_order_of_weights_concerns_accuracy_only() -> None:
    card = read.models()["vim_tiny"]
    changed = card.model_copy(update={"weights_keys": ("model",)})
    moved = {measure for measure in MEASURES if card.digest_for(measure) != changed.digest_for(measure)}
    assert moved == {"accuracy"}


def test_words_on_a_card_concern_nothing() -> None:
    card = read.models()["vim_tiny"]
    words = {"no_weights": "lost", "averaged": False, "options": (), "licence": "none", "smallest_px": 2}
    changed = card.model_copy(update=words)
    assert all(card.digest_for(measure) == changed.digest_for(measure) for measure in MEASURES)

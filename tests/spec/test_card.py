"""What of a card starts new cells where it changes."""

from __future__ import annotations

from typing import Any

import pytest

from bench.catalog import read
from bench.spec.card import Preprocessing
from bench.spec.cell import MEASURES, Measure

CARD = read.models()["mambaout_tiny"]


def moved(**changes: Any) -> set[Measure]:
    other = CARD.model_copy(update=changes)
    return {measure for measure in MEASURES if other.digest_for(measure) != CARD.digest_for(measure)}


@pytest.mark.parametrize(
    "changes",
    [
        {"preprocessing": Preprocessing(crop_pct=0.875)},
        {"preprocessing": Preprocessing(crop_pct=1.0, interpolation="bilinear")},
        {"weights_url": "https://example.org/other.safetensors"},
        {"weights_sha256": "0" * 64},
    ],
    ids=["crop", "interpolation", "address", "hash"],
)
def test_weights_and_their_preprocessing_decide_accuracy_alone(changes: dict[str, Any]) -> None:
    assert moved(**changes) == {"accuracy"}


def test_the_network_decides_every_measure() -> None:
    assert moved(ref="mambaout_tiny.other") == moved(any_size=not CARD.any_size) == set(MEASURES)


@pytest.mark.parametrize("field", ["label", "family", "licence", "paper"])
def test_words_decide_nothing(field: str) -> None:
    assert moved(**{field: "other"}) == set()

"""Confusion matrices by hand, and that they survive being stored."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from bench.metrics.confusion import confusion, pack, scores, unpack


def test_pixels_are_counted_by_label_and_prediction_and_some_not_at_all() -> None:
    labels = np.array([[0, 0, 1], [2, 255, 1]], dtype=np.uint8)
    predicted = np.array([[0, 1, 1], [0, 2, 1]])
    assert confusion(predicted, labels, 4).tolist() == [[1, 1, 0, 0], [0, 2, 0, 0], [1, 0, 0, 0], [0] * 4]


def test_scores_by_hand() -> None:
    counts = np.array([[1, 1, 0, 0], [0, 2, 0, 0], [1, 0, 0, 0], [0] * 4])
    # class 3 is neither labelled nor predicted, so it has no part in a mean
    assert scores(counts, several_scales=False) == pytest.approx(
        {
            "miou_percent": 100 * (1 / 3 + 2 / 3 + 0) / 3,
            "macc_percent": 100 * (1 / 2 + 1 + 0) / 3,
            "aacc_percent": 100 * 3 / 5,
        }
    )
    assert set(scores(counts, several_scales=True)) == {
        "miou_ms_percent",
        "macc_ms_percent",
        "aacc_ms_percent",
    }


def test_a_class_that_is_only_predicted_lowers_the_mean_iou_and_no_mean_accuracy() -> None:
    found = scores(np.array([[3, 1], [0, 0]]), several_scales=False)
    assert found == {"miou_percent": 37.5, "macc_percent": 75.0, "aacc_percent": 75.0}


@pytest.mark.parametrize(
    ("label", "predicted", "wrong"),
    [(4, 0, "a label of 4 or 4, outside 0 to 3"), (0, -1, "a prediction of -1 or -1")],
)
def test_numbers_that_are_no_class(label: int, predicted: int, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        confusion(np.array([[predicted]]), np.array([[label]]), 4)
    with pytest.raises(ValueError, match="differ in shape"):
        confusion(np.zeros((1, 2), int), np.zeros((2, 1), int), 4)
    with pytest.raises(ValueError, match="no pixel is labelled"):
        scores(np.zeros((4, 4), np.int64), several_scales=False)


def test_a_matrix_survives_as_json() -> None:
    counts = np.random.RandomState(0).randint(0, 2**53, size=(150, 150), dtype=np.int64)
    assert np.array_equal(unpack(json.loads(json.dumps(pack(counts)))), counts)


@pytest.mark.parametrize(
    "damage",
    [
        None,
        {},
        {"data": "AAAA"},
        {"classes": 3},
        {"data": "ä"},
        {"data": pack(-np.eye(2, dtype=np.int64))["data"]},
    ],
)
def test_what_is_no_matrix(damage: Any) -> None:
    packed = damage if not damage else {**pack(np.eye(2, dtype=np.int64)), **damage}
    with pytest.raises(ValueError, match="confusion matrix"):
        unpack(packed)

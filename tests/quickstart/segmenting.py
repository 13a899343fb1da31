"""Bugs in a segmentor, its pipeline and its evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.metrics import confusion
from bench.tasks.segmentation import accuracy
from tests.quickstart.detecting import blue_first, configured, inside
from tests.quickstart.planting import Mutation, Plant, Stage, wrapped

MODEL = "upernet-micro_vmamba"


def zero_kept(_init: Any, dataset: Any, **given: Any) -> None:
    _init(dataset, **given, reduce_zero_label=False)


def next_class(predict: Any, *given: Any) -> Any:
    predicted, labels, classes = given
    return predict((predicted + 1) % classes, labels, classes)


def edges_counted(confusion: Any, predicted: NDArray[Any], labels: NDArray[Any], classes: int) -> Any:
    return confusion(predicted, np.where(labels == 255, 0, labels), classes)


def common_twice(_mean: Any, counts: Any) -> float:
    return confusion._mean_percent(np.diagonal(counts), counts.sum(axis=0) + counts.sum(axis=1))


def of_all_classes(_mean: Any, counts: Any) -> float:
    right = np.diagonal(counts)
    return float(100 * np.mean(right / np.maximum(counts.sum(axis=0) + counts.sum(axis=1) - right, 1)))


def _mutation(what: str, plant: Plant, stage: Stage = "network") -> Mutation:
    return Mutation(what, MODEL, plant, stage)


SEGMENTING = (
    _mutation("label 0 counted", inside("mmseg.datasets:ADE20KDataset", "__init__", zero_kept), "scoring"),
    _mutation("classes shifted by one", wrapped(accuracy, "confusion", next_class), "scoring"),
    _mutation("edges counted as the first class", wrapped(accuracy, "confusion", edges_counted), "scoring"),
    _mutation("BGR", configured(blue_first)),
    _mutation(
        "what is common counted twice in the union",
        wrapped(confusion, "mean_iou_percent", common_twice),
        "scoring",
    ),
    _mutation(
        "mean over absent classes too", wrapped(confusion, "mean_iou_percent", of_all_classes), "scoring"
    ),
)

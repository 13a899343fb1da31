"""The drawn detection set goes through the evaluators: right answers get all points, shifted ones do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.catalog import read
from bench.machine.dense_data import locate
from bench.machine.generated import root_of
from bench.metrics.coco_ap import scores
from bench.sets.made import ensure
from bench.tasks.detection.check import check


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the annotation file of the drawn set."""
    folder: Path = tmp_path_factory.mktemp("data")
    task = read.tasks()["shapes_coco"]
    ensure(task, root_of(task, folder))
    assert task.layout is not None
    return check(locate(task, task.layout, folder), task, limited=False)


def answers(truth: dict[str, Any], shift: int) -> list[dict[str, Any]]:
    """Return every object as a detection of the category `shift` places further."""
    from pycocotools import mask

    order = [category["id"] for category in truth["categories"]]
    found = []
    for entry in truth["annotations"]:
        height, width = entry["segmentation"]["size"]
        packed = mask.frPyObjects(entry["segmentation"], height, width)
        found.append(
            {
                "image_id": entry["image_id"],
                "category_id": order[order.index(entry["category_id"]) + shift],
                "bbox": [float(side) for side in entry["bbox"]],
                "score": 0.9,
                "segmentation": {"size": packed["size"], "counts": packed["counts"].decode()},
            }
        )
    return found


@pytest.mark.parametrize("evaluator", ["faster-coco-eval", "pycocotools"])
def test_right_answers_get_all_points(truth: dict[str, Any], evaluator: str) -> None:
    images = [image["id"] for image in truth["images"]]
    right = scores(truth, answers(truth, 0), images, evaluator)
    assert right["box_ap_percent"] == pytest.approx(100)
    assert right["mask_ap_percent"] == pytest.approx(100)
    shifted = scores(truth, answers(truth, 1), images, evaluator)
    assert shifted["box_ap_percent"] < 10

"""Both evaluators of average precision give the same twelve numbers, also where sets are awkward."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.metrics.coco_ap import IouType, scores, twelve

SIDE = 320
IMAGES = 40
CATEGORIES = 5


def blob(box: np.ndarray[Any, Any]) -> Any:
    """Return the run lengths of an ellipse in a box (left, top, width, height)."""
    from pycocotools import mask as run_lengths

    y, x = np.mgrid[0:SIDE, 0:SIDE]
    left, top, width, height = box
    inside = ((x - left - width / 2) / (width / 2)) ** 2 + ((y - top - height / 2) / (height / 2)) ** 2 <= 1
    found = run_lengths.encode(np.asfortranarray(inside.astype(np.uint8)))
    return {"size": list(found["size"]), "counts": found["counts"].decode(), "area": float(inside.sum())}


def a_box(random: np.random.RandomState) -> np.ndarray[Any, Any]:
    # from small to large in COCO's sense
    width, height = np.exp(random.uniform(np.log(8), np.log(200), size=2))
    return np.array([random.uniform(0, SIDE - width), random.uniform(0, SIDE - height), width, height])


def synthetic(seed: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return annotations and detections with crowds, empty images, unseen categories, misses and ties."""
    random = np.random.RandomState(seed)
    objects: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for image in range(1, IMAGES + 1):
        for _ in range(0 if image % 7 == 0 else random.randint(1, 8)):
            box, category = a_box(random), int(random.randint(1, CATEGORIES))
            mask = blob(box)
            crowd = int(random.random_sample() < 0.15)
            objects.append(
                {
                    "id": len(objects) + 1,
                    "image_id": image,
                    "category_id": category,
                    "bbox": box.tolist(),
                    "area": mask.pop("area"),
                    "iscrowd": crowd,
                    "segmentation": mask,
                }
            )
            for _ in range(random.randint(0, 4)):
                near = box + random.normal(0, 0.08, size=4) * box[[2, 3, 2, 3]]
                near[2:] = near[2:].clip(2)
                found.append(detection(random, image, category, near))
        # false alarms, also of images without objects and of the category that no object has
        for _ in range(random.randint(0, 4)):
            found.append(detection(random, image, int(random.randint(1, CATEGORIES + 1)), a_box(random)))
    return (
        {
            "images": [{"id": image, "height": SIDE, "width": SIDE} for image in range(1, IMAGES + 1)],
            "annotations": objects,
            "categories": [{"id": each, "name": f"{each}"} for each in range(1, CATEGORIES + 1)],
        },
        found,
    )


def detection(
    random: np.random.RandomState, image: int, category: int, box: np.ndarray[Any, Any]
) -> dict[str, Any]:
    return {
        "image_id": image,
        "category_id": category,
        "bbox": box.tolist(),
        # few different scores, so that many tie
        "score": float(random.randint(1, 12)) / 12,
        "segmentation": blob(box),
    }


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_all_twelve_numbers_are_equal(seed: int, iou_type: IouType) -> None:
    annotations, found = synthetic(seed)
    images = [image["id"] for image in annotations["images"]]
    slow = twelve(annotations, found, images, iou_type, "pycocotools")
    fast = twelve(annotations, found, images, iou_type, "faster-coco-eval")
    assert len(slow) == 12
    # sums of a few thousand terms, in another order
    assert fast == pytest.approx(slow, rel=1e-12)
    assert 0.05 < slow[0] < 0.95
    assert all(0 < number < 1 for number in slow[:6])
    part = twelve(annotations, found, images[:9], iou_type, "faster-coco-eval")
    assert part == pytest.approx(twelve(annotations, found, images[:9], iou_type, "pycocotools"), rel=1e-12)
    assert part != fast


@pytest.mark.parametrize("evaluator", ["pycocotools", "faster-coco-eval"])
def test_nothing_found_and_everything_found(evaluator: str) -> None:
    annotations, _ = synthetic(0)
    images = [image["id"] for image in annotations["images"]]
    nothing = scores(annotations, [], images, evaluator)
    assert set(nothing.values()) == {0.0}
    assert len(nothing) == 12
    right = [{**each, "score": 1.0} for each in annotations["annotations"] if not each["iscrowd"]]
    everything = scores(annotations, right, images, evaluator)
    assert everything == pytest.approx(dict.fromkeys(nothing, 100.0))


@pytest.mark.parametrize("evaluator", ["pycocotools", "faster-coco-eval"])
def test_what_is_not_there_has_no_score(evaluator: str) -> None:
    annotations, found = synthetic(0)
    # image 7 is empty
    assert scores(annotations, found, [7], evaluator) == {}


def test_neither_evaluator_changes_what_it_is_given() -> None:
    annotations, found = synthetic(0)
    before = repr((annotations, found))
    images = [image["id"] for image in annotations["images"]]
    for evaluator in ("pycocotools", "faster-coco-eval"):
        scores(annotations, found, images, evaluator)
    assert repr((annotations, found)) == before

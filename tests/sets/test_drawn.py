"""The sets of drawn shapes are what their cards say, in formats that other programs read."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.catalog import read
from bench.machine.data import locate
from bench.machine.dense_data import locate as locate_dense
from bench.machine.generated import root_of
from bench.sets.coco_classes import CATEGORY_IDS, NAMES
from bench.sets.drawn import labels
from bench.sets.made import ensure
from bench.shapes import CLASSES, MATERIALS, object_image, scene
from bench.tasks.classification.check import check, check_count
from bench.tasks.classification.images import open_images
from bench.tasks.detection.check import check as check_detection
from bench.tasks.segmentation.check import check as check_segmentation

TASKS = read.tasks()
SETS = ("shapes", "shapes_ade20k", "shapes_coco")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with all sets of shapes."""
    folder = tmp_path_factory.mktemp("data")
    start_s = time.process_time()
    for key in SETS:
        # the pictures are those of the cards, else this raises
        assert ensure(TASKS[key], root_of(TASKS[key], folder)) is not None
    assert time.process_time() - start_s < 30
    return folder


def test_classes_are_folders_of_jpeg_files(data: Path) -> None:
    task = TASKS["shapes"]
    images = open_images(task, locate(task, data))
    found = check(images, task, limited=False)
    check_count(images, task, len(found))
    assert images.class_names == CLASSES
    assert [found.count(label) for label in range(10)] == [100] * 10
    for position in (0, 123, 999):
        pixels, label = object_image("val", int(Path(images.names[position]).stem))
        assert label == found[position]
        stored = np.asarray(images.decode(position)).astype(int)
        assert stored.shape == pixels.shape
        assert np.abs(stored - pixels).mean() < 8


def test_coco_has_boxes_masks_and_one_crowd(data: Path) -> None:
    task = TASKS["shapes_coco"]
    assert task.layout is not None
    document = check_detection(locate_dense(task, task.layout, data), task, limited=False)
    assert [category["name"] for category in document["categories"]] == list(NAMES)
    first, *others = (entry["iscrowd"] for entry in document["annotations"] if entry["image_id"] == 1)
    assert sum([first, *others]) == sum(entry["iscrowd"] for entry in document["annotations"]) == 1
    for number in (1, 60, 120):
        entries = [entry for entry in document["annotations"] if entry["image_id"] == number]
        drawn = scene("val", number - 1)
        assert len(entries) == len(drawn.items)
        for entry, item in zip(entries, drawn.items, strict=True):
            left, top, right, bottom = item.box
            assert entry["category_id"] == CATEGORY_IDS[item.label]
            assert entry["bbox"] == [left, top, right - left, bottom - top]
            assert entry["area"] == item.mask.sum()
            assert np.array_equal(decoded(entry["segmentation"]), item.mask)


def decoded(run_lengths: dict[str, list[int]]) -> np.ndarray:
    """Return the mask of run lengths, by the definition."""
    values = [place % 2 for place, count in enumerate(run_lengths["counts"]) for _ in range(count)]
    return np.array(values, dtype=bool).reshape(run_lengths["size"], order="F")


def test_labels_are_numbers_of_materials_and_classes(data: Path) -> None:
    task = TASKS["shapes_ade20k"]
    assert task.layout is not None
    place = locate_dense(task, task.layout, data)
    names = check_segmentation(place, task, task.layout, limited=False)
    seen = set()
    for number, name in enumerate(names):
        with Image.open(place.labels / f"{name}.png") as image:
            values = np.asarray(image)
        seen |= set(np.unique(values).tolist())
        if number % 40 == 0:
            assert np.array_equal(values, labels(scene("val", number)))
    assert seen == set(range(1 + len(MATERIALS) + len(CLASSES)))


def test_edges_of_objects_do_not_count() -> None:
    drawn = scene("val", 3)
    values = labels(drawn)
    for item in drawn.items:
        assert set(np.unique(values[item.mask])) == {0, len(MATERIALS) + 1 + item.label}
    covered = np.any([item.mask for item in drawn.items], axis=0)
    free = ~covered & (values > 0)
    assert np.array_equal(values[free], drawn.ground[free] + 1)
    # a pixel that differs from its neighbour in being covered has no label
    across = covered[:, 1:] != covered[:, :-1]
    assert across.any()
    assert not values[:, 1:][across].any()
    assert not values[:, :-1][across].any()


def test_annotations_are_plain_json(data: Path) -> None:
    document = json.loads((data / "shapes_coco/annotations/instances_val2017.json").read_text())
    assert len(document["images"]) == 120
    assert document["annotations"][-1]["id"] == len(document["annotations"])

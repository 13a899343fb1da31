"""Drawn pictures: the same everywhere, balanced, and no class told by its colours."""

import hashlib
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.shapes import CLASSES, MATERIALS, Item, Split, object_image, scene
from bench.shapes.angles import ONE, SINES, TURN, cosine, sine
from bench.shapes.outlines import RIMS, field
from bench.shapes.scenes import _Drawn, _visible

IMAGES = 600
OBJECTS_DIGEST = {
    "train": "afedabd00a95e31a0fbef3f8f6c1c13efb43afe02e16aa186b66b7953010c9fe",
    "val": "8cdcda3f39febba509f96b777753c30a1eb489c93804c9e491ad2cccebb13a1d",
}
SCENES_DIGEST = {
    "train": "27dfaa90a52feda152139f774b09a900866acf6ccea89c1c2809ab57f673d759",
    "val": "04e4d119a845d336a9ce2bab99e82a12658df729238e2c6470320efed3275a61",
}
INDICES = (*range(12), 1234, 2**32 + 5)


def objects_digest(split: Split) -> str:
    digest = hashlib.sha256()
    for index in INDICES:
        pixels, label = object_image(split, index)
        digest.update(f"{pixels.shape} {pixels.dtype} {label}".encode())
        digest.update(pixels.tobytes())
    return digest.hexdigest()


def scenes_digest(split: Split) -> str:
    digest = hashlib.sha256()
    for index in INDICES:
        drawn = scene(split, index)
        digest.update(f"{drawn.pixels.shape} {drawn.pixels.dtype} {drawn.ground.dtype}".encode())
        digest.update(drawn.pixels.tobytes() + drawn.ground.tobytes())
        for item in drawn.items:
            digest.update(f"{item.label} {item.box}".encode())
            digest.update(item.mask.tobytes())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def objects() -> list[tuple[NDArray[np.uint8], int]]:
    return [object_image("train", index) for index in range(IMAGES)]


@pytest.mark.parametrize("split", ["train", "val"])
def test_pictures_are_pinned(split: Split) -> None:
    assert objects_digest(split) == OBJECTS_DIGEST[split]
    assert scenes_digest(split) == SCENES_DIGEST[split]


def test_an_index_gives_one_picture_whatever_was_drawn_before() -> None:
    first, drawn = object_image("val", 7)[0], scene("val", 7)
    np.random.seed(3)
    scene("train", 7)
    object_image("val", 8)
    assert np.array_equal(object_image("val", 7)[0], first)
    again = scene("val", 7)
    assert np.array_equal(again.pixels, drawn.pixels)
    assert [item.box for item in again.items] == [item.box for item in drawn.items]


def test_no_picture_comes_twice() -> None:
    seen = {object_image(split, index)[0].tobytes() for split in ("train", "val") for index in range(40)}
    seen |= {scene(split, index).pixels.tobytes() for split in ("train", "val") for index in range(20)}
    assert len(seen) == 120


@pytest.mark.parametrize(("split", "index"), [("train", -1), ("test", 0)])
def test_what_is_no_picture_is_refused(split: Split, index: int) -> None:
    with pytest.raises(ValueError, match="splits are train and val, from 0"):
        object_image(split, index)
    with pytest.raises(ValueError, match="splits are train and val, from 0"):
        scene(split, index)


def test_classes_take_turns(objects: list[tuple[NDArray[np.uint8], int]]) -> None:
    assert tuple(sorted(CLASSES)) == CLASSES
    assert tuple(sorted(MATERIALS)) == MATERIALS
    assert [label for _, label in objects] == [index % len(CLASSES) for index in range(IMAGES)]


def test_sides(objects: list[tuple[NDArray[np.uint8], int]]) -> None:
    sides = [pixels.shape for pixels, _ in objects]
    assert all(depth == 3 and height != width for height, width, depth in sides)
    assert {min(height, width) for height, width, _ in sides} >= {72, 73}
    assert max(max(height, width) for height, width, _ in sides) == 120
    # neither is always the longer one
    assert 0.4 < sum(height > width for height, width, _ in sides) / IMAGES < 0.6


def test_colours_do_not_tell_the_class(objects: list[tuple[NDArray[np.uint8], int]]) -> None:
    colours = np.array([pixels.mean(axis=(0, 1)) for pixels, _ in objects])
    sizes = np.array([pixels.shape[:2] for pixels, _ in objects])
    labels = np.array([label for _, label in objects])
    rim = np.isin(labels, [CLASSES.index(name) for name in RIMS])
    for features in (colours, sizes):
        right = nearest(features, labels)
        # chance is one in ten; 2.6 standard errors of the 480 and 600 images
        assert right[~rim].mean() < 0.14
        assert right.mean() < 0.14


def nearest(features: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which images of one half are nearest to the mean of their class in the other half."""
    right = np.zeros(len(labels), dtype=bool)
    half = np.arange(len(labels)) < len(labels) // 2
    for fitted in (half, ~half):
        means = np.array([features[fitted & (labels == label)].mean(axis=0) for label in range(len(CLASSES))])
        gaps = ((features[:, None] - means) ** 2).sum(axis=2)
        right[~fitted] = (gaps.argmin(axis=1) == labels)[~fitted]
    return right


def test_one_pair_is_mirrored_and_one_differs_in_its_rim_alone() -> None:
    assert np.array_equal(field("zed"), field("ess")[:, ::-1])
    assert np.array_equal(field("disc_blue"), field("disc_red"))
    # a half turn changes neither, so only a mirror makes one of the other
    middle = field("ess").shape[0] // 2
    turned = field("ess")[::-1, ::-1]
    assert np.abs(turned - field("ess")).max() <= 1
    assert np.abs(field("zed") - field("ess"))[middle - 20 : middle + 20].max() > 300


def test_other_outlines_are_their_own_mirror_images() -> None:
    for name in set(CLASSES) - {"ess", "zed", "crescent"}:
        assert np.abs(field(name) - field(name)[:, ::-1]).max() <= 8, name
    assert np.array_equal(field("crescent"), field("crescent")[::-1])


def test_outlines_are_of_about_one_size() -> None:
    areas = {name: int((field(name) >= 0).sum()) for name in CLASSES}
    assert max(areas.values()) < 2.5 * min(areas.values())


def test_fields_are_distances() -> None:
    for name in CLASSES:
        plane = field(name)
        # one step of the grid changes a distance by one step at most, and by rounding
        assert max(np.abs(np.diff(plane, axis=0)).max(), np.abs(np.diff(plane, axis=1)).max()) <= 33, name
        assert plane[0].max() < 0
        assert plane[:, -1].max() < 0


def test_sines() -> None:
    exact = np.sin(2 * np.pi * np.arange(TURN) / TURN) * ONE
    assert np.abs(np.array(SINES) - exact).max() <= 0.5 + 1e-9
    assert all(sine(angle) == -sine(-angle) and cosine(angle) == cosine(-angle) for angle in range(TURN))


def test_masks_are_disjoint_and_boxes_tight() -> None:
    counts: Counter[int] = Counter()
    for index in range(60):
        drawn = scene("val", index)
        height, width = drawn.ground.shape
        assert drawn.pixels.shape == (height, width, 3)
        assert 96 <= height <= 160
        assert 128 <= width <= 224
        assert drawn.ground.max() < len(MATERIALS)
        assert 1 <= len(drawn.items) <= 6
        owners = np.zeros((height, width), dtype=int)
        for item in drawn.items:
            owners += item.mask
            left, top, right, bottom = item.box
            assert item.mask[top:bottom, left:right].sum() == item.mask.sum() >= 80
            inner = item.mask[top:bottom, left:right]
            assert all(edge.any() for edge in (inner[0], inner[-1], inner[:, 0], inner[:, -1]))
            assert 0 <= item.label < len(CLASSES)
            counts[item.label] += 1
        assert owners.max() == 1
    assert min(counts.values()) >= 8


def test_objects_overlap() -> None:
    assert sum(overlap(first.box, second.box) for first, second in pairs(40)) >= 20


@pytest.mark.parametrize(
    ("drawn_px", "visible_px", "counts"),
    [(200, 80, True), (201, 80, False), (100, 79, False), (80, 80, True), (1000, 400, True)],
)
def test_an_object_counts_while_enough_is_visible(drawn_px: int, visible_px: int, counts: bool) -> None:
    owner = np.full((40, 50), -1, dtype=np.int8)
    owner.ravel()[:visible_px] = 0
    found = _visible(owner, [_Drawn(3, drawn_px)])
    assert [item.label for item in found] == ([3] if counts else [])


def pairs(scenes: int) -> list[tuple[Item, Item]]:
    found = []
    for index in range(scenes):
        items = scene("train", index).items
        found += [(first, second) for place, first in enumerate(items) for second in items[place + 1 :]]
    return found


def overlap(first: tuple[int, int, int, int], second: tuple[int, int, int, int]) -> bool:
    return max(first[0], second[0]) < min(first[2], second[2]) and max(first[1], second[1]) < min(
        first[3], second[3]
    )


def test_both_materials_and_objects_are_seen() -> None:
    grounds = Counter(int(number) for index in range(60) for number in np.unique(scene("val", index).ground))
    assert set(grounds) == set(range(len(MATERIALS)))
    assert min(grounds.values()) >= 15


def test_pictures_are_drawn_without_torch() -> None:
    script = "import sys, bench.shapes; print(sorted({'torch', 'PIL'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_pictures_are_quick_to_draw() -> None:
    object_image("train", 0), scene("train", 0)
    start_s = time.process_time()
    for index in range(40):
        object_image("train", index)
    between_s = time.process_time()
    for index in range(20):
        scene("train", index)
    # five times what they take, for slow machines
    assert between_s - start_s < 40 * 0.015
    assert time.process_time() - between_s < 20 * 0.06

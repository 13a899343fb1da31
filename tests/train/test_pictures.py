"""The pictures of a training are what the evaluation of the same network would see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.catalog import read
from bench.shapes import CLASSES, MATERIALS, object_image, scene
from bench.spec.card import Layout
from bench.tasks.classification.preprocess import Resolved, transform
from bench.train import augment, pictures
from bench.train.classify import Classification
from bench.train.scene_batches import SceneBatches
from tests.train.conftest import CPU, classification, dense

LAYOUT = Layout(images="", labels="", at=(128, 192), scale=(192, 128))


@pytest.mark.parametrize("index", range(6))
def test_an_object_is_seen_as_in_an_evaluation(index: int) -> None:
    pixels, _ = object_image("val", index)
    card = read.models()["micro_vim"]
    evaluated = transform(Resolved(**card.preprocessing.model_dump(), height_px=64, width_px=64))
    expected = evaluated(Image.fromarray(pixels))
    mine = torch.from_numpy(pictures.squared(pixels, 73, 64).copy()).permute(2, 0, 1).float() / 255
    mean, std = (
        torch.tensor(each)[:, None, None] for each in (card.preprocessing.mean, card.preprocessing.std)
    )
    assert torch.equal((mine - mean) / std, expected)


def test_the_loader_of_a_classifier_normalises_alike(tmp_path: Path) -> None:
    card = read.models()["micro_vim"]
    made = classification(train_images=4, val_images=3, batch=2)
    seen: list[torch.Tensor] = []

    class Spy(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x)
            return torch.nn.functional.one_hot(torch.tensor([0, 1, 9]), 10).float()

    found = Classification(card, made, CPU, tmp_path).score(Spy())
    # labels of the first three are 0, 1 and 2
    assert found == pytest.approx(200 / 3)
    pixels = pictures.squared(pictures.compressed(object_image("val", 1)[0]), 73, 64)
    evaluated = transform(Resolved(crop_pct=1, height_px=64, width_px=64))
    assert torch.allclose(seen[0][1], evaluated(Image.fromarray(pixels)), atol=1e-5)


def test_pictures_are_made_once_and_named_by_content(tmp_path: Path) -> None:
    wanted = pictures.Objects("train", 3, 84, 84)
    first = pictures.load(wanted, tmp_path)
    (path,) = tmp_path.glob("*.npz")
    made_ns = path.stat().st_mtime_ns
    second = pictures.load(wanted, tmp_path)
    assert path.stat().st_mtime_ns == made_ns
    assert first["pixels"].shape == (3, 84, 84, 3)
    assert all(np.array_equal(first[name], second[name]) for name in ("pixels", "labels"))
    pictures.load(pictures.Objects("val", 3, 84, 84), tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == 2


def test_scenes_have_the_sizes_and_labels_of_the_drawn_ones() -> None:
    made = pictures.make(pictures.Scenes("val", 5, 192, 128))
    assert made["pixels"].shape[1] % 32 == made["pixels"].shape[2] % 32 == 0
    for index in range(5):
        drawn = scene("val", index)
        height, width = made["sizes"][index]
        assert max(height / 128, width / 192) <= 1.5
        assert list(made["labels"][index][: len(drawn.items)]) == [item.label for item in drawn.items]
        assert set(made["labels"][index][len(drawn.items) :]) <= {-1}
        assert (made["ground"][index, height:] == 255).all()
        assert (made["ground"][index, :, width:] == 255).all()
        shares = [
            (made["owner"][index] == number + 1).sum() / (height * width)
            for number in range(len(drawn.items))
        ]
        assert shares == pytest.approx([item.mask.mean() for item in drawn.items], abs=0.01)


def test_the_classes_of_pixels_are_materials_then_shapes(tmp_path: Path) -> None:
    scenes = SceneBatches(LAYOUT, dense("segmentation", train_images=2, val_images=2, batch=2), CPU, tmp_path)
    (views,) = scenes.validation(2)
    labels = views.semantic
    for number in range(2):
        drawn = scene("val", number)
        inside = labels[number][labels[number] != 255]
        wanted = {len(MATERIALS) + item.label for item in drawn.items}
        assert wanted <= set(inside.tolist()) <= wanted | set(range(len(MATERIALS)))
        assert max(wanted) < len(MATERIALS) + len(CLASSES)
    assert bool((views.images[:, 0][labels == 255] == 0).all())


def test_views_move_pixels_and_labels_alike(tmp_path: Path) -> None:
    made = dense(
        "segmentation",
        train_images=4,
        val_images=1,
        batch=4,
        brightness=0,
        contrast=0,
        zoom=[1, 1],
        tilt_degrees=0,
    )
    scenes = SceneBatches(LAYOUT, made, CPU, tmp_path)
    torch.manual_seed(0)
    scenes.begin()
    views = scenes.batch(0)
    kept = scenes._train
    for number, index in enumerate(scenes._order.tolist()):
        # whole or turned by a half: what is labelled stays as large, within a row or column
        for source, seen in ((kept["owner"], views.owner), (kept["ground"], views.ground)):
            before = torch.bincount(source[index].flatten().long(), minlength=256)[:9].float()
            after = torch.bincount(seen[number].flatten().long(), minlength=256)[:9].float()
            assert torch.allclose(before, after, atol=400)
    assert views.images.shape[2:] == kept["owner"].shape[1:]


def test_crops_do_not_mirror() -> None:
    torch.manual_seed(0)
    maps = augment.crops(classification(), 500, CPU)
    assert bool((torch.linalg.det(maps[:, :, :2]) > 0).all())


def test_a_view_of_the_whole_is_the_picture() -> None:
    pixels = torch.randint(0, 256, (2, 16, 16, 3), dtype=torch.uint8)
    ones = torch.ones(2, 2)
    same = augment.views(pixels, augment.placed(torch.zeros(2), ones, torch.zeros(2, 2)), (16, 16))
    assert torch.allclose(same, pixels.permute(0, 3, 1, 2).float(), atol=1e-3)
    quarter = augment.placed(torch.full((2,), torch.pi / 2), ones, torch.zeros(2, 2))
    turned = augment.views(pixels, quarter, (16, 16))
    expected = {k: torch.rot90(same, k, (2, 3)) for k in (1, 3)}
    assert any(torch.allclose(turned, each, atol=1e-2) for each in expected.values())


def test_shares_of_mixed_pictures_sum_to_one() -> None:
    torch.manual_seed(0)
    made = classification(mix=1.0)
    shares = torch.nn.functional.one_hot(torch.arange(8), 10).float()
    for _ in range(10):
        mixed = augment.mix(made, torch.rand(8, 3, 16, 16), shares)
        assert torch.allclose(mixed.shares.sum(dim=1), torch.ones(8))
    left = augment.mix(classification(mix=0.0), torch.ones(8, 3, 4, 4), shares)
    assert torch.equal(left.shares, shares)

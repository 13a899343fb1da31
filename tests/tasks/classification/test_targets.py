"""Reassessed labels are found by file name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.catalog import read
from bench.machine.data import Located
from bench.spec.errors import BadData
from bench.tasks.classification.images import ImageSet
from bench.tasks.classification.targets import real_labels, targets

if TYPE_CHECKING:
    from tests.tasks.classification.conftest import MakeTask


def named(*names: str) -> ImageSet:
    return ImageSet(Located("folder", Path("set")), None, names, (1,) * len(names), (0,) * len(names), ("a",))


def test_the_card_counts_the_images_that_have_labels() -> None:
    assert len(real_labels()) == 50000
    assert sum(bool(each) for each in real_labels()) == 46837 == read.tasks()["imagenet_real"].images


def test_labels_of_folders(make_task: MakeTask) -> None:
    assert targets(named("a/1.JPEG", "a/2.JPEG"), make_task(), (3, 4)) == [(3,), (4,)]


def test_labels_by_number_whatever_surrounds_it(make_task: MakeTask) -> None:
    task = make_task("imagenet_real", labels="real")
    images = named("n1/ILSVRC2012_val_00000002.JPEG", "ILSVRC2012_val_00000001_n01751748.JPEG")
    assert targets(images, task, (0, 0)) == [(970, 795), ()]


@pytest.mark.parametrize(
    "name", ["n1/mine.JPEG", "ILSVRC2012_val_00050001.JPEG", "ILSVRC2012_val_00000000.JPEG"]
)
def test_other_names(make_task: MakeTask, name: str) -> None:
    with pytest.raises(BadData) as caught:
        targets(named(name), make_task("imagenet_real", labels="real"), (0,))
    assert str(caught.value) == (
        f"set: {name} is not named as a validation image of ILSVRC2012 (ILSVRC2012_val_00000001.JPEG), "
        "which the reassessed labels need; keep the original names"
    )

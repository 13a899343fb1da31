"""Every way a data set can differ from its card has its own message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from timm.data.imagenet_info import ImageNetInfo

from bench.machine.data import Located, locate
from bench.spec.card import TaskCard
from bench.spec.errors import BadData
from bench.tasks.classification.check import check, spread, synsets
from bench.tasks.classification.images import ImageSet, open_images

if TYPE_CHECKING:
    from tests.tasks.classification.conftest import MakeTask, WriteImages

WNIDS = ["n01440764", "n01443537", "n01484850"]


class Decodable(ImageSet):
    """Images without files."""

    def decode(self, position: int) -> None:  # type: ignore[override]
        """Pretend."""


def stored(
    reader: str, class_names: Sequence[str], labels: Sequence[int], names: Sequence[str] | None = None
) -> ImageSet:
    names = names or [f"{number}.JPEG" for number in range(len(labels))]
    located = Located(reader, Path("set"))  # type: ignore[arg-type]
    return Decodable(located, None, tuple(names), (1,) * len(labels), tuple(labels), tuple(class_names))


def problem(images: ImageSet, task: TaskCard, *, limited: bool = False) -> str:
    with pytest.raises(BadData) as caught:
        check(images, task, limited=limited)
    return str(caught.value)


def test_synsets_are_sorted_and_a_thousand() -> None:
    assert len(synsets()) == 1000
    assert synsets() == sorted(synsets())
    assert synsets()[:3] == WNIDS


def test_wordnet_folders_get_the_classes_of_imagenet(
    tmp_path: Path, make_task: MakeTask, write_images: WriteImages
) -> None:
    task = make_task(classes=1000, images=1000, class_names="wnid")
    write_images(tmp_path / "photos/val", dict.fromkeys(synsets(), 1))
    images = open_images(task, locate(task, tmp_path))
    assert check(images, task, limited=False) == tuple(range(1000))
    (tmp_path / "photos/val/n01443537").rename(tmp_path / "away")
    images = open_images(task, locate(task, tmp_path))
    root = tmp_path / "photos/val"
    assert problem(images, task) == f"{root} lacks 1 of 1,000 classes (n01443537); complete it"
    # the names say which classes the others are
    assert check(images, task, limited=True)[:3] == (0, 2, 3)
    (root / "n01440764").rename(root / "n99999999")
    images = open_images(task, locate(task, tmp_path))
    assert problem(images, task, limited=True) == (
        f"{root} has 1 class folders that ImageNet-1K validation does not have (n99999999); "
        "it has 1,000 named by a WordNet id"
    )


def test_an_extra_folder_is_never_a_shift_of_labels(
    tmp_path: Path, make_task: MakeTask, write_images: WriteImages
) -> None:
    task = make_task(classes=3, images=4)
    write_images(tmp_path / "photos/val", {"a": 1, "b": 1, "c": 1, "lost": 1})
    assert problem(open_images(task, locate(task, tmp_path)), task) == (
        f"{tmp_path}/photos/val has 4 classes, but ImageNet-1K validation has 3; "
        "an extra or missing class folder shifts all labels"
    )


def test_numbered_folders_are_sorted_as_numbers(
    tmp_path: Path, make_task: MakeTask, write_images: WriteImages
) -> None:
    task = make_task("imagenet_v2", classes=12, images=24, class_names="number", splits=(".",))
    write_images(tmp_path / "photos", {str(number): 2 for number in range(12)})
    images = open_images(task, locate(task, tmp_path))
    labels = check(images, task, limited=False)
    assert labels == tuple(int(name.split("/")[0]) for name in images.names)
    assert sorted(set(labels)) == list(range(12))


def test_numbers_sorted_as_text_are_put_right(make_task: MakeTask) -> None:
    task = make_task(classes=12, images=12, class_names="number")
    as_text = sorted(str(number) for number in range(12))
    assert as_text[:4] == ["0", "1", "10", "11"]
    images = stored("folder", as_text, range(12))
    assert check(images, task, limited=False) == tuple(int(name) for name in as_text)
    padded = stored("folder", [f"{number:03d}" for number in range(12)], range(12))
    assert check(padded, task, limited=False) == tuple(range(12))
    assert "lacks 1 of 12 classes (11)" in problem(
        stored("folder", as_text[:3] + as_text[4:], range(11)), task
    )


def test_wordnet_ids_in_another_order_are_put_right(make_task: MakeTask) -> None:
    task = make_task(classes=3, images=3, class_names="wnid")
    images = stored("parquet", WNIDS[::-1], [0, 1, 2])
    assert check(images, task, limited=False) == (2, 1, 0)


def test_class_names_in_words_that_are_in_another_order(make_task: MakeTask) -> None:
    task = make_task(classes=1000, images=1000, class_names="wnid")
    words = list(ImageNetInfo("imagenet-1k").label_descriptions())
    assert check(stored("parquet", words, range(1000)), task, limited=False) == tuple(range(1000))
    by_name = sorted(words)
    assert problem(stored("parquet", by_name, range(1000)), task) == (
        f"set calls class 0 {by_name[0]!r}, which is class {words.index(by_name[0])} of ImageNet-1K; "
        "its labels are in another order, so scores would mean nothing"
    )


def test_file_names_that_contradict_the_labels(make_task: MakeTask) -> None:
    task = make_task(classes=1000, images=2, class_names="wnid")
    names = ["ILSVRC2012_val_00000001_n01440764.JPEG", "ILSVRC2012_val_00000002_n01484850.JPEG"]
    assert check(stored("parquet", [], [0, 2], names), task, limited=False) == (0, 2)
    assert problem(stored("parquet", [], [0, 1], names), task) == (
        f"set labels {names[1]} as class 1, but n01484850 is class 2 of ImageNet-1K; "
        "its labels are in another order"
    )


def test_labels_out_of_range(make_task: MakeTask) -> None:
    task = make_task(classes=3, images=2)
    message = "set has labels outside 0 to 2; get the data set again"
    assert problem(stored("parquet", [], [0, 3]), task) == message
    assert problem(stored("parquet", [], [-1, 2]), task) == message


def test_flat_tar(make_task: MakeTask) -> None:
    task = make_task(classes=1000, images=2, class_names="wnid")
    assert problem(stored("tar", [""], [0, 0]), task) == (
        "set holds images but no class folders, so their labels are unknown; "
        "sort them into 1,000 folders named by a WordNet id"
    )


def test_fingerprint_covers_names_sizes_and_labels() -> None:
    images = stored("folder", ["a", "b"], [0, 1])
    usual = images.fingerprint([0, 1])
    assert len(usual) == 64
    assert images.fingerprint([0, 1]) == usual
    changed = [
        images.fingerprint([1, 0]),
        replace(images, sizes_bytes=(1, 2)).fingerprint([0, 1]),
        replace(images, names=("0.JPEG", "2.JPEG")).fingerprint([0, 1]),
    ]
    assert len({usual, *changed}) == 4


@pytest.mark.parametrize(
    ("count", "total", "expected"),
    [(3, 9, [0, 3, 6]), (4, 10, [0, 2, 5, 7]), (9, 9, list(range(9))), (20, 3, [0, 1, 2]), (5, 0, [])],
)
def test_spread(count: int, total: int, expected: list[int]) -> None:
    assert spread(count, total) == expected

"""Data sets are found by their layout, and what is missing is explained."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.catalog import read
from bench.machine.data import Located, locate, parquet_files
from bench.spec.card import TaskCard
from bench.spec.errors import MissingData

IMAGENET = read.tasks()["imagenet"]
V2 = read.tasks()["imagenet_v2"]
REAL = read.tasks()["imagenet_real"]
QUICKSTART = read.tasks()["quickstart"]


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


@pytest.mark.parametrize(
    ("file", "reader", "root"),
    [
        ("imagenet/val/n01440764/a.JPEG", "folder", "imagenet/val"),
        ("ILSVRC2012/validation/n01440764/a.JPEG", "folder", "ILSVRC2012/validation"),
        ("val/n01440764/a.JPEG", "folder", "val"),
        ("imagenet-1k/val.tar", "tar", "imagenet-1k/val.tar"),
        ("val.tar", "tar", "val.tar"),
        ("imagenet/data/validation-00000-of-00014.parquet", "parquet", "imagenet/data"),
        ("imagenet/validation.parquet", "parquet", "imagenet"),
        ("imagenet/val/0.parquet", "parquet", "imagenet/val"),
        ("data/val-0.parquet", "parquet", "data"),
    ],
)
@pytest.mark.parametrize("task", [IMAGENET, REAL], ids=lambda task: task.key)
def test_every_layout_of_imagenet(tmp_path: Path, task: TaskCard, file: str, reader: str, root: str) -> None:
    touch(tmp_path / file)
    assert locate(task, tmp_path) == Located(reader, tmp_path / root)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("file", "reader", "root"),
    [
        ("imagenet_v2/0/a.jpeg", "folder", "imagenet_v2"),
        (
            "imagenetv2-matched-frequency-format-val/999/a.jpeg",
            "folder",
            "imagenetv2-matched-frequency-format-val",
        ),
        ("imagenet_v2.tar", "tar", "imagenet_v2.tar"),
        ("imagenet_v2/data/test-0.parquet", "parquet", "imagenet_v2/data"),
        ("0/a.jpeg", "folder", "."),
    ],
)
def test_every_layout_of_imagenet_v2(tmp_path: Path, file: str, reader: str, root: str) -> None:
    touch(tmp_path / file)
    assert locate(V2, tmp_path) == Located(reader, tmp_path / root)  # type: ignore[arg-type]


def test_first_folder_of_the_card_wins(tmp_path: Path) -> None:
    touch(tmp_path / "ILSVRC2012/val/n01440764/a.JPEG")
    touch(tmp_path / "imagenet/validation/n01440764/a.JPEG")
    assert locate(IMAGENET, tmp_path).root == tmp_path / "imagenet/validation"


def test_imagenet_in_the_data_folder_is_not_taken_for_v2(tmp_path: Path) -> None:
    touch(tmp_path / "val/n01440764/a.JPEG")
    touch(tmp_path / "data/validation-0.parquet")
    touch(tmp_path / "val.tar")
    with pytest.raises(MissingData):
        locate(V2, tmp_path)


def test_training_parquet_alone_is_not_the_split(tmp_path: Path) -> None:
    touch(tmp_path / "imagenet/data/train-0.parquet")
    touch(tmp_path / "imagenet/data/value-0.parquet")
    with pytest.raises(MissingData):
        locate(IMAGENET, tmp_path)


def test_parquet_files_of_the_split_only(tmp_path: Path) -> None:
    for name in ("validation-1", "validation-0", "train-0", "validations"):
        touch(tmp_path / f"{name}.parquet")
    names = [path.name for path in parquet_files(tmp_path, ("val", "validation"))]
    assert names == ["validation-0.parquet", "validation-1.parquet"]
    assert len(parquet_files(tmp_path, (".",))) == 4
    assert parquet_files(tmp_path, ("test",)) == ()


def test_missing_data_lists_every_place_and_the_remedy(tmp_path: Path) -> None:
    touch(tmp_path / "imagenet/val/cats/a.JPEG")
    task = IMAGENET.model_copy(
        update={"folders": ("imagenet", "in1k"), "splits": ("val",), "how_to_get": "Put it in DATA/x."}
    )
    with pytest.raises(MissingData) as caught:
        locate(task, tmp_path)
    at = tmp_path
    assert str(caught.value) == (
        "ImageNet-1K validation was not found; looked at "
        f"{at}/imagenet/val (holds no folder named by a WordNet id), {at}/imagenet/val.tar, "
        f"{at}/imagenet/val/*.parquet, {at}/imagenet/data/*.parquet, {at}/imagenet/*.parquet, "
        f"{at}/in1k (no such folder), "
        f"{at}/val, {at}/val.tar, {at}/val/*.parquet, {at}/data/*.parquet, {at}/*.parquet. "
        f"Put it in {at}/x. --data names another data folder."
    )


def test_flat_folder_is_told_apart(tmp_path: Path) -> None:
    touch(tmp_path / "imagenet/val/ILSVRC2012_val_00000001.JPEG")
    with pytest.raises(MissingData) as caught:
        locate(IMAGENET, tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/imagenet/val holds images but no class folders, so their labels are unknown; "
        "sort them into 1,000 folders named by a WordNet id"
    )


def test_generated_data_need_not_exist_and_is_never_looked_for_elsewhere(tmp_path: Path) -> None:
    touch(tmp_path / "val/n01440764/a.JPEG")
    assert locate(QUICKSTART, tmp_path) == Located("folder", tmp_path / "quickstart/val")


def test_tar_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "imagenet").mkdir()
    (tmp_path / "imagenet/val.tar").write_text("not a tar file")
    assert locate(IMAGENET, tmp_path).reader == "tar"


def test_looking_imports_neither_torch_nor_numpy() -> None:
    script = (
        "import sys, bench.machine.data, bench.machine.weights\n"
        "print({'torch', 'timm', 'numpy'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"

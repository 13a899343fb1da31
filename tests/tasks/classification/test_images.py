"""Readers list what is there, leave no files behind, and share no open file between processes."""

from __future__ import annotations

import importlib.util
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from datasets import ClassLabel, Dataset, Features, Image

from bench.machine.data import Located
from bench.spec.errors import BadData, MissingExtra
from bench.tasks.classification import parquet
from bench.tasks.classification.images import open_images

if TYPE_CHECKING:
    from tests.tasks.classification.conftest import MakeTask, WriteImages


def write_parquet(path: Path, files: list[Path], labels: list[int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    features = Features({"image": Image(), "label": ClassLabel(names=["a", "b"])})
    images = [{"bytes": file.read_bytes(), "path": file.name} for file in files]
    Dataset.from_dict({"image": images, "label": labels}, features).to_parquet(path)


def test_order_and_names_are_natural(tmp_path: Path, make_task: MakeTask, write_images: WriteImages) -> None:
    write_images(tmp_path / "val", {"b": 11, "a": 1})
    (tmp_path / "val" / "a" / "notes.txt").write_text("not an image")
    images = open_images(make_task(), Located("folder", tmp_path / "val"))
    assert images.names == ("a/a_0.JPEG", *(f"b/b_{number}.JPEG" for number in range(11)))
    assert images.labels == (0, *[1] * 11)
    assert images.class_names == ("a", "b")
    assert images.sizes_bytes[0] == (tmp_path / "val/a/a_0.JPEG").stat().st_size


def test_tar_leaves_no_pickle_and_no_open_file(
    tmp_path: Path, make_task: MakeTask, write_images: WriteImages
) -> None:
    write_images(tmp_path / "val", {"a": 2, "b": 2})
    with tarfile.open(tmp_path / "val.tar", "w") as tar:
        tar.add(tmp_path / "val", "somewhere/val")
    folder = open_images(make_task(), Located("folder", tmp_path / "val"))
    images = open_images(make_task(), Located("tar", tmp_path / "val.tar"))
    assert (images.names, images.labels, images.sizes_bytes) == (
        folder.names,
        folder.labels,
        folder.sizes_bytes,
    )
    assert images.decode(3).tobytes() == folder.decode(3).tobytes()
    assert images.reader.tar_state.tf is not None
    images.close()
    assert images.reader.tar_state.tf is None
    assert images.decode(0).tobytes() == folder.decode(0).tobytes()
    images.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["val", "val.tar"]


def test_tar_of_tars(tmp_path: Path, make_task: MakeTask, write_images: WriteImages) -> None:
    write_images(tmp_path / "val", {"a": 2, "b": 2})
    with tarfile.open(tmp_path / "val.tar", "w") as outer:
        for name in "ab":
            with tarfile.open(tmp_path / f"{name}.tar", "w") as inner:
                for path in sorted((tmp_path / "val" / name).iterdir()):
                    inner.add(path, path.name)
            outer.add(tmp_path / f"{name}.tar", f"{name}.tar")
    images = open_images(make_task(), Located("tar", tmp_path / "val.tar"))
    assert images.labels == (0, 0, 1, 1)
    assert [images.decode(position).size for position in range(4)] == [(10, 12)] * 4
    images.close()


def test_parquet(tmp_path: Path, make_task: MakeTask, write_images: WriteImages, own_cache: Path) -> None:
    write_images(tmp_path / "val", {"a": 2, "b": 1})
    files = sorted((tmp_path / "val").rglob("*.JPEG"))
    write_parquet(tmp_path / "set" / "validation-0.parquet", files[:2], [0, 1])
    write_parquet(tmp_path / "set" / "validation-1.parquet", files[2:], [1])
    task = make_task(splits=("validation",))
    images = open_images(task, Located("parquet", tmp_path / "set"))
    assert images.names == ("a_0.JPEG", "a_1.JPEG", "b_0.JPEG")
    assert images.labels == (0, 1, 1)
    assert images.class_names == ("a", "b")
    assert images.sizes_bytes == tuple(path.stat().st_size for path in files)
    folder = open_images(task, Located("folder", tmp_path / "val"))
    assert [images.decode(at).tobytes() for at in range(3)] == [
        folder.decode(at).tobytes() for at in range(3)
    ]
    # what was converted once is found again
    converted = sorted(own_cache.rglob("*.arrow"))
    assert open_images(task, Located("parquet", tmp_path / "set")).names == images.names
    assert sorted(own_cache.rglob("*.arrow")) == converted
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == [
        "validation-0.parquet",
        "validation-1.parquet",
    ]


def test_parquet_needs_an_extra(tmp_path: Path, make_task: MakeTask, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(parquet, "find_spec", lambda name: None if name == "datasets" else found(name))
    with pytest.raises(MissingExtra) as caught:
        open_images(make_task(), Located("parquet", tmp_path))
    assert str(caught.value) == (
        f"{tmp_path} holds parquet files, which need the package `datasets`; run: pip install -e '.[parquet]'"
    )


def test_damaged_parquet_and_other_columns(tmp_path: Path, make_task: MakeTask, own_cache: Path) -> None:
    path = tmp_path / "set" / "val.parquet"
    path.parent.mkdir()
    path.write_text("not parquet")
    with pytest.raises(BadData, match="set cannot be read as parquet"):
        open_images(make_task(), Located("parquet", path.parent))
    path.unlink()
    Dataset.from_dict({"picture": [b""], "label": [0]}).to_parquet(path)
    with pytest.raises(BadData, match="set has the columns picture, label, but `image` and `label`"):
        open_images(make_task(), Located("parquet", path.parent))


@pytest.mark.parametrize("reader", ["folder", "tar"])
def test_nothing_in_it(tmp_path: Path, make_task: MakeTask, reader: str) -> None:
    (tmp_path / "val" / "a").mkdir(parents=True)
    with tarfile.open(tmp_path / "val.tar", "w") as tar:
        tar.add(tmp_path / "val", "val")
    root = tmp_path / ("val" if reader == "folder" else "val.tar")
    with pytest.raises(BadData, match=f"{root} cannot be read as {reader}"):
        open_images(make_task(), Located(reader, root))  # type: ignore[arg-type]

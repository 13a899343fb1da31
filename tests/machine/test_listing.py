"""Other images are known by their names and sizes, before anything is started."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.machine.data import Located
from bench.machine.listing import listing, other_images

SPLITS = ("val", "validation")


@pytest.fixture
def folder(tmp_path: Path) -> Located:
    """Return a set of two classes with three images each."""
    for name in ("n1/a.JPEG", "n1/b.JPEG", "n1/c.png", "n2/a.JPEG", "n2/b.JPEG", "n2/c.JPEG"):
        path = tmp_path / "val" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return Located("folder", tmp_path / "val")


def test_a_copy_and_what_is_no_image_change_nothing(folder: Located, tmp_path: Path) -> None:
    before = listing(folder, SPLITS)
    assert before is not None
    assert before.startswith("folder:")
    shutil.copytree(folder.root, tmp_path / "copy")
    (tmp_path / "copy" / "README").write_text("x")
    (tmp_path / "copy" / "n1" / "list.txt").write_text("x")
    assert listing(Located("folder", tmp_path / "copy"), SPLITS) == before


@pytest.mark.parametrize("change", ["added", "removed", "renamed", "moved", "resized"])
def test_every_change_of_names_and_sizes_shows(folder: Located, change: str) -> None:
    before, image = listing(folder, SPLITS), folder.root / "n1" / "a.JPEG"
    if change == "added":
        image.with_name("d.JPEG").write_bytes(b"")
    elif change == "removed":
        image.unlink()
    elif change == "renamed":
        image.rename(image.with_name("d.JPEG"))
    elif change == "moved":
        image.rename(folder.root / "n2" / "d.JPEG")
    else:
        image.write_bytes(b"longer than it was")
    assert other_images(before, listing(folder, SPLITS))


def test_tar_and_parquet(tmp_path: Path) -> None:
    tar, parts = tmp_path / "val.tar", tmp_path / "data"
    tar.write_bytes(b"123")
    parts.mkdir()
    (parts / "validation-0.parquet").write_bytes(b"123")
    (parts / "train-0.parquet").write_bytes(b"123")
    first = [listing(Located("tar", tar), SPLITS), listing(Located("parquet", parts), SPLITS)]
    tar.write_bytes(b"1234")
    (parts / "validation-1.parquet").write_bytes(b"123")
    second = [listing(Located("tar", tar), SPLITS), listing(Located("parquet", parts), SPLITS)]
    assert all(other_images(*pair) for pair in zip(first, second, strict=True))
    (parts / "train-0.parquet").unlink()
    assert listing(Located("parquet", parts), SPLITS) == second[1]


def test_what_is_not_known_proves_nothing(folder: Located, tmp_path: Path) -> None:
    known = listing(folder, SPLITS)
    assert listing(Located("folder", tmp_path / "nowhere"), SPLITS) is None
    assert listing(Located("tar", tmp_path / "nowhere.tar"), SPLITS) is None
    for pair in ((known, None), (None, known), (known, "tar:0"), (known, known)):
        assert not other_images(*pair)


@pytest.mark.timing
def test_fifty_thousand_images_in_a_blink(tmp_path: Path) -> None:
    for number in range(1000):
        folder = tmp_path / f"n{number:08}"
        folder.mkdir()
        for image in range(50):
            (folder / f"ILSVRC2012_val_{number * 50 + image:08}.JPEG").touch()
    before_s = time.process_time()
    assert listing(Located("folder", tmp_path), SPLITS) is not None
    assert time.process_time() - before_s < 0.5


def test_it_imports_neither_torch_nor_numpy() -> None:
    script = "import sys, bench.machine.listing\nprint({'torch', 'timm', 'numpy'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"

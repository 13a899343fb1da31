"""The quickstart images: the same everywhere, quick to make, there whole or not at all."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.catalog import read
from bench.machine.data import locate
from bench.spec.errors import BadData
from bench.tasks.classification import generate
from bench.tasks.classification.check import check
from bench.tasks.classification.generate import ensure, quickstart_images
from bench.tasks.classification.images import open_images

CARD = read.tasks()["quickstart"]
# of names and pixels before they become JPEG, whose bytes differ between versions of Pillow
DIGEST = "449c5794e1a6c99edf757b39926e0c7f53c818188405915d3fc0484eec6fba81"


def test_pixels_are_pinned() -> None:
    digest = hashlib.sha256()
    for name, pixels in quickstart_images():
        digest.update(f"{name} {pixels.shape} {pixels.dtype}".encode())
        digest.update(pixels.tobytes())
    assert digest.hexdigest() == DIGEST


def test_they_are_what_the_card_says(tmp_path: Path) -> None:
    start_s = time.process_time()
    located = locate(CARD, tmp_path)
    ensure("quickstart", located.root)
    assert time.process_time() - start_s < 5
    images = open_images(CARD, located)
    assert len(images.names) == CARD.images
    assert len(set(check(images, CARD, limited=False))) == CARD.classes == len(images.class_names)
    assert [path.name for path in (tmp_path / "quickstart").iterdir()] == ["val"]


def test_files_show_the_pixels(tmp_path: Path) -> None:
    ensure("quickstart", tmp_path / "val")
    for name, pixels in quickstart_images():
        with Image.open(tmp_path / "val" / f"{name}.jpg") as image:
            assert image.format == "JPEG"
            stored = np.asarray(image).astype(int)
        assert stored.shape == pixels.shape
        assert abs(stored - pixels).mean() < 12
        assert min(pixels.shape[:2]) >= 224
        assert max(pixels.shape[:2]) <= 300


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    ensure("quickstart", tmp_path / "val")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    ensure("quickstart", tmp_path / "val")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_killed_generation_leaves_no_half_set(tmp_path: Path) -> None:
    root = tmp_path / "val"
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom bench.tasks.classification import generate\n"
        "save = generate.Image.Image.save\n"
        "def slow(*args, **fields): save(*args, **fields); print('saved', flush=True); time.sleep(60)\n"
        "generate.Image.Image.save = slow\n"
        "generate.ensure('quickstart', Path(sys.argv[1]))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(root)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "saved\n"
        os.kill(child.pid, signal.SIGKILL)
    assert not root.exists()
    ensure("quickstart", root)
    assert len(list(root.rglob("*.jpg"))) == CARD.images


def test_the_slower_of_two_gives_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "val"

    def meanwhile(partial: Path) -> None:
        (partial / "ours").mkdir()
        (root / "theirs").mkdir(parents=True)

    monkeypatch.setattr(generate, "MAKERS", {"quickstart": meanwhile})
    ensure("quickstart", root)
    assert [path.name for path in root.iterdir()] == ["theirs"]
    assert [path.name for path in tmp_path.iterdir()] == ["val"]


def test_unwritable_folder(tmp_path: Path) -> None:
    (tmp_path / "quickstart").write_text("a file")
    with pytest.raises(BadData) as caught:
        ensure("quickstart", tmp_path / "quickstart" / "val")
    assert str(caught.value) == (
        f"the images of quickstart cannot be written to {tmp_path}/quickstart/val (Not a directory); "
        "name another data folder with --data"
    )

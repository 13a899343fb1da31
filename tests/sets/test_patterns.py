"""The quickstart images: the same everywhere and quick to make."""

import hashlib
import time
from pathlib import Path

import numpy as np
from PIL import Image

from bench.catalog import read
from bench.machine.data import locate
from bench.sets.made import ensure
from bench.sets.patterns import quickstart_images
from bench.tasks.classification.check import check
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
    ensure(CARD, located.root)
    assert time.process_time() - start_s < 5
    images = open_images(CARD, located)
    assert len(images.names) == CARD.images
    assert len(set(check(images, CARD, limited=False))) == CARD.classes == len(images.class_names)
    assert [path.name for path in (tmp_path / "quickstart").iterdir()] == ["val"]


def test_files_show_the_pixels(tmp_path: Path) -> None:
    ensure(CARD, tmp_path / "val")
    for name, pixels in quickstart_images():
        with Image.open(tmp_path / "val" / f"{name}.jpg") as image:
            assert image.format == "JPEG"
            stored = np.asarray(image).astype(int)
        assert stored.shape == pixels.shape
        assert abs(stored - pixels).mean() < 12
        assert min(pixels.shape[:2]) >= 224
        assert max(pixels.shape[:2]) <= 300

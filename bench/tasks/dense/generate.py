"""Makes the quickstart sets of detection and segmentation, in the formats of COCO and ADE20K."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from bench.tasks.dense.scenes import scenes
from bench.tasks.made import Maker, ensure_made

IMAGES = 4
QUALITY = 95
ADE_CLASSES = 150


def ensure(name: str, root: Path) -> None:
    """Make the generated data set `name` at `root` unless it is there; raises as `ensure_made`."""
    ensure_made(name, root, MAKERS[name])


def make_ade20k(root: Path, images: int = IMAGES, classes: int = ADE_CLASSES, seed: int = 0) -> None:
    """Write images as JPEG and labels as PNG of 8 bits: 0 for what does not count, classes from 1."""
    pictures, labels = root / "images" / "validation", root / "annotations" / "validation"
    pictures.mkdir(parents=True)
    labels.mkdir(parents=True)
    for number, scene in enumerate(scenes(images, classes, seed), start=1):
        values = np.zeros(scene.pixels.shape[:2], dtype=np.uint8)
        for shape in scene.shapes:
            values[shape.visible] = shape.number + 1
        name = f"ADE_val_{number:08d}"
        Image.fromarray(scene.pixels).save(pictures / f"{name}.jpg", quality=QUALITY)
        Image.fromarray(values).save(labels / f"{name}.png")


MAKERS: Mapping[str, Maker] = {"quickstart_ade20k": make_ade20k}

"""Makes the quickstart sets of detection and segmentation, in the formats of COCO and ADE20K."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from bench.tasks.dense.scenes import Shape, scenes
from bench.tasks.detection.classes import CATEGORY_IDS, NAMES
from bench.tasks.made import Maker, ensure_made

IMAGES = 4
QUALITY = 95
ADE_CLASSES, COCO_CLASSES = 150, 80


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


def make_coco(root: Path, images: int = IMAGES, classes: int = COCO_CLASSES, seed: int = 0) -> None:
    """Write images as JPEG and one annotation file of instances; in the first image one object is a crowd."""
    pictures, labels = root / "val2017", root / "annotations"
    pictures.mkdir(parents=True)
    labels.mkdir(parents=True)
    document: dict[str, list[dict[str, object]]] = {"images": [], "annotations": [], "categories": []}
    for number, scene in enumerate(scenes(images, classes, seed), start=1):
        name = f"{number:012d}.jpg"
        Image.fromarray(scene.pixels).save(pictures / name, quality=QUALITY)
        height, width, _ = scene.pixels.shape
        document["images"].append({"id": number, "file_name": name, "height": height, "width": width})
        for index, shape in enumerate(scene.shapes):
            made = len(document["annotations"]) + 1
            crowd = number == 1 and index == len(scene.shapes) - 1
            document["annotations"].append({"id": made, "image_id": number, **_instance(shape, crowd=crowd)})
    named = zip(CATEGORY_IDS, NAMES, strict=True)
    document["categories"] = [{"id": number, "name": name} for number, name in named]
    (labels / "instances_val2017.json").write_text(json.dumps(document), encoding="utf-8")


def _instance(shape: Shape, *, crowd: bool) -> dict[str, object]:
    xs, ys = zip(*shape.corners, strict=True)
    left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    return {
        "category_id": CATEGORY_IDS[shape.number],
        "bbox": [left, top, right - left, bottom - top],
        "area": int(shape.visible.sum()),
        "iscrowd": int(crowd),
        "segmentation": _run_lengths(shape)
        if crowd
        else [[side for corner in shape.corners for side in corner]],
    }


def _run_lengths(shape: Shape) -> dict[str, list[int]]:
    """Write a mask as COCO writes crowds: the lengths of runs of 0 and 1, column by column, 0 first."""
    flat = np.concatenate(([False], shape.visible.ravel(order="F")))
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    edges = np.concatenate(([0], changes, [flat.size - 1]))
    return {"size": list(shape.visible.shape), "counts": np.diff(edges).tolist()}


MAKERS: Mapping[str, Maker] = {"quickstart_ade20k": make_ade20k, "quickstart_coco": make_coco}

"""Writes a detection set in the format of COCO."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.sets.coco_classes import CATEGORY_IDS, NAMES
from bench.sets.writing import Pixels, Tally, untold


@dataclass(frozen=True)
class Instance:
    """One object: its class from 0, its visible pixels (height, width), its box (left, top, right, bottom).

    `corners` (x, y) are those of a polygon; without them the mask is written as run lengths.
    """

    number: int
    visible: NDArray[np.bool_]
    box: tuple[int, int, int, int]
    corners: tuple[tuple[int, int], ...] = ()


def write_coco(
    root: Path,
    pictures: Iterable[tuple[Pixels, Sequence[Instance]]],
    quality: int,
    tally: Tally = untold,
) -> None:
    """Write images as JPEG and one annotation file of instances; the last of the first image is a crowd."""
    images, labels = root / "val2017", root / "annotations"
    images.mkdir(parents=True)
    labels.mkdir(parents=True)
    document: dict[str, list[dict[str, object]]] = {"images": [], "annotations": [], "categories": []}
    for number, (pixels, instances) in enumerate(pictures, start=1):
        name = f"{number:012d}.jpg"
        Image.fromarray(pixels).save(images / name, quality=quality)
        height, width, _ = pixels.shape
        document["images"].append({"id": number, "file_name": name, "height": height, "width": width})
        for place, instance in enumerate(instances, start=1):
            made = len(document["annotations"]) + 1
            crowd = number == 1 and place == len(instances)
            document["annotations"].append({"id": made, "image_id": number, **_entry(instance, crowd=crowd)})
        told = np.array([(instance.number, *instance.box) for instance in instances], dtype=np.int32)
        tally(name, pixels, told, *(instance.visible for instance in instances))
    named = zip(CATEGORY_IDS, NAMES, strict=True)
    document["categories"] = [{"id": number, "name": name} for number, name in named]
    (labels / "instances_val2017.json").write_text(json.dumps(document), encoding="utf-8")


def _entry(instance: Instance, *, crowd: bool) -> dict[str, object]:
    left, top, right, bottom = instance.box
    polygon = [[side for corner in instance.corners for side in corner]]
    return {
        "category_id": CATEGORY_IDS[instance.number],
        "bbox": [left, top, right - left, bottom - top],
        "area": int(instance.visible.sum()),
        "iscrowd": int(crowd),
        "segmentation": polygon if instance.corners and not crowd else _run_lengths(instance.visible),
    }


def _run_lengths(visible: NDArray[np.bool_]) -> dict[str, list[int]]:
    """Write a mask as the lengths of runs of 0 and 1, column by column, 0 first."""
    flat = np.concatenate(([False], visible.ravel(order="F")))
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    edges = np.concatenate(([0], changes, [flat.size - 1]))
    return {"size": list(visible.shape), "counts": np.diff(edges).tolist()}

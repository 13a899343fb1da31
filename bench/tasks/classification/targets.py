"""Which classes count as correct for an image: that of its folder, or its reassessed labels (ReaL)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib.resources import files

from bench.spec.card import TaskCard
from bench.spec.errors import BadData
from bench.tasks.classification.images import ImageSet

Targets = Sequence[tuple[int, ...]]
VALIDATION_NAME = re.compile(r"ILSVRC2012_val_(\d{8})")


def targets(images: ImageSet, task: TaskCard, labels: Sequence[int]) -> Targets:
    """Return the correct classes of every image; none for images that ReaL leaves out.

    Raises `BadData` for ReaL where a file name does not say which validation image it is.
    """
    if task.labels == "folder":
        return [(label,) for label in labels]
    real = real_labels()
    return [tuple(real[_number(images, name, len(real)) - 1]) for name in images.names]


def real_labels() -> list[list[int]]:
    """Return the reassessed labels of the 50,000 validation images, in the order of their numbers.

    From "Are we done with ImageNet?" (arXiv 2006.07159), as timm ships them.
    """
    found: list[list[int]] = json.loads(
        files("timm.data").joinpath("_info", "imagenet_real_labels.json").read_text(encoding="utf-8")
    )
    return found


def _number(images: ImageSet, name: str, count: int) -> int:
    match = VALIDATION_NAME.search(name)
    if match is None or not 1 <= int(match[1]) <= count:
        raise BadData(
            f"{images.located.root}: {name} is not named as a validation image of ILSVRC2012 "
            "(ILSVRC2012_val_00000001.JPEG), which the reassessed labels need; keep the original names"
        )
    return int(match[1])

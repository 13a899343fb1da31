"""Checks a segmentation set before it is scored: count, a label for every image, and what labels hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.machine.dense_data import DensePlace
from bench.spec.card import Layout, TaskCard
from bench.spec.errors import BadData
from bench.tasks.dense.outcome import spread

DECODED = 16
INDEXED = frozenset({"L", "P"})
"""Modes of PNG files whose values are numbers and not colours."""


def check(place: DensePlace, task: TaskCard, layout: Layout, *, limited: bool) -> list[str]:
    """Return the names of all images without suffix, in the order of the files.

    Every label file must be there and hold one number per pixel; of some the numbers are looked at: 0 for
    pixels that do not count, 1 to the number of classes for the others. A `limited` run may lack images.
    Raises `BadData`.
    """
    names = [path.stem for path in sorted(place.images.glob(f"*{layout.image_suffix}"))]
    if not names or (len(names) != task.images and not limited):
        raise BadData(
            f"{place.images} holds {len(names):,} images ({layout.image_suffix}), but {task.label} has "
            f"{task.images:,}; complete it, or score a part with --limit. {task.how_to_get}"
        )
    _check_files(place, task, names)
    _check_values(place, task, [names[position] for position in spread(DECODED, len(names))], layout)
    return names


def label_file(place: DensePlace, name: str) -> Path:
    """Return where the label of an image lies."""
    return place.labels / f"{name}.png"


def _check_files(place: DensePlace, task: TaskCard, names: Sequence[str]) -> None:
    missing = [name for name in names if not label_file(place, name).is_file()]
    if missing:
        raise BadData(
            f"{place.labels} lacks the labels of {len(missing):,} images ({missing[0]}.png ...); "
            f"images and labels must be of one split. {task.how_to_get}"
        )
    for name in names:
        mode = _mode(label_file(place, name))
        if mode not in INDEXED:
            raise BadData(
                f"{label_file(place, name)} is a PNG of mode {mode}, with colours in place of class numbers; "
                f"take the labels of {task.label} as they are published. {task.how_to_get}"
            )


def _mode(path: Path) -> str:
    try:
        with Image.open(path) as image:
            return image.mode
    except OSError as error:
        raise BadData(f"{path} cannot be read as an image ({error}); get it again") from None


def _check_values(place: DensePlace, task: TaskCard, names: Sequence[str], layout: Layout) -> None:
    highest = 0
    for name in names:
        path = label_file(place, name)
        values = _values(path)
        size = _size(place.images / f"{name}{layout.image_suffix}")
        if size is not None and values.shape != (size[1], size[0]):
            raise BadData(
                f"{path} is {values.shape[1]}x{values.shape[0]} px, its image {size[0]}x{size[1]} px; "
                f"images and labels must be of one split. {task.how_to_get}"
            )
        if values.max() > task.classes:
            raise BadData(wrong_value(path, int(values.max()), task))
        highest = max(highest, int(values.max()))
    if highest == 0:
        raise BadData(
            f"{place.labels}: no pixel of {len(names)} label files has a class; they hold 0 only, which does "
            f"not count. {task.how_to_get}"
        )


def _size(path: Path) -> tuple[int, int] | None:
    try:
        with Image.open(path) as image:
            return image.size
    except OSError:
        # the run counts damaged images itself
        return None


def wrong_value(path: Path, value: int, task: TaskCard) -> str:
    """Say that a label file holds a number that is no class."""
    return (
        f"{path} holds the value {value}, but {task.label} has 0 (not counted) and 1 to {task.classes}; its "
        "palette or its numbering is another, so scores would mean nothing. Take the labels as they are "
        "published: 0 is removed here (reduce_zero_label) and must not be removed before"
    )


def _values(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            return np.asarray(image)
    except OSError as error:
        raise BadData(f"{path} cannot be decoded ({error}); get it again") from None

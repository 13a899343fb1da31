"""Checks a data set before it is scored: count, classes, their order, and whether images decode."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from timm.data.imagenet_info import ImageNetInfo

from bench.machine.data import CLASS_NAME, NAMED_BY
from bench.spec.card import TaskCard
from bench.spec.errors import BadData
from bench.tasks.classification.images import ImageSet

IMAGENET_CLASSES = 1000
DECODED = 8
# file names of the Hugging Face copy of ImageNet end in the WordNet id of their class
WNID_IN_NAME = re.compile(r"_(n\d{8})\.\w+$")


def check(images: ImageSet, task: TaskCard, *, limited: bool) -> tuple[int, ...]:
    """Return the class index of every image, as the checkpoints number the classes.

    A `limited` run may lack classes, where names prove the place of the others. Raises
    `BadData` for every other difference from the card, and where no sampled image decodes.
    """
    index = _class_index(images, task, limited)
    if images.labels and not 0 <= min(images.labels) <= max(images.labels) < len(index):
        raise BadData(
            f"{images.located.root} has labels outside 0 to {len(index) - 1}; get the data set again"
        )
    labels = tuple(index[label] for label in images.labels)
    _check_names(images, task, labels)
    _check_decoding(images)
    return labels


def check_count(images: ImageSet, task: TaskCard, labelled: int) -> None:
    """Raise `BadData` unless as many images have labels as the card says."""
    if labelled != task.images:
        raise BadData(
            f"{images.located.root} holds {labelled:,} images with labels, but {task.label} has "
            f"{task.images:,}; complete it, or score a part with --limit. {task.how_to_get}"
        )


def spread(count: int, total: int) -> list[int]:
    """Return `count` positions of `total`, evenly spread, ascending; all where there are fewer."""
    return [number * total // count for number in range(count)] if count < total else list(range(total))


def synsets() -> list[str]:
    """Return the WordNet ids of ImageNet-1K in the order of its classes."""
    return list(_imagenet().label_names())


def _class_index(images: ImageSet, task: TaskCard, limited: bool) -> Sequence[int]:
    names = images.class_names
    if not names or (images.located.reader == "parquet" and not _fit(names, task)):
        _check_texts(images, task)
        _check_class_count(images, task, len(names) or task.classes)
        return range(task.classes)
    if task.class_names == "any":
        _check_class_count(images, task, len(names))
        return range(task.classes)
    order = {name: index for index, name in enumerate(_expected(names, task))}
    # "007" is the number 7
    plain = [str(int(name)) if task.class_names == "number" and name.isdecimal() else name for name in names]
    _check_classes(images, task, plain, order, limited)
    return [order[name] for name in plain]


def _fit(names: Sequence[str], task: TaskCard) -> bool:
    return all(CLASS_NAME[task.class_names].fullmatch(name) for name in names)


def _expected(names: Sequence[str], task: TaskCard) -> Sequence[str]:
    if task.class_names == "number":
        return [str(number) for number in range(task.classes)]
    return synsets() if task.classes == IMAGENET_CLASSES else sorted(names)


def _check_classes(
    images: ImageSet, task: TaskCard, names: Sequence[str], order: dict[str, int], limited: bool
) -> None:
    root = images.located.root
    if list(names) == [""]:
        raise BadData(
            f"{root} holds images but no class folders, so their labels are unknown; "
            f"sort them into {task.classes:,} folders {NAMED_BY[task.class_names]}"
        )
    foreign = [name for name in names if name not in order]
    if foreign:
        raise BadData(
            f"{root} has {len(foreign)} class folders that {task.label} does not have ({_some(foreign)}); "
            f"it has {task.classes:,} {NAMED_BY[task.class_names]}"
        )
    missing = [name for name in order if name not in set(names)]
    if missing and not limited:
        raise BadData(
            f"{root} lacks {len(missing)} of {task.classes:,} classes ({_some(missing)}); complete it"
        )
    if not limited:
        _check_class_count(images, task, len(names))


def _check_class_count(images: ImageSet, task: TaskCard, count: int) -> None:
    if count != task.classes:
        raise BadData(
            f"{images.located.root} has {count:,} classes, but {task.label} has {task.classes:,}; "
            "an extra or missing class folder shifts all labels"
        )


def _check_texts(images: ImageSet, task: TaskCard) -> None:
    """Compare class names in words with those of ImageNet; only certain disagreement is an error."""
    if task.class_names != "wnid" or task.classes != IMAGENET_CLASSES:
        return
    place = {text: index for index, text in enumerate(_imagenet().label_descriptions())}
    found = {index: place[text] for index, text in enumerate(images.class_names) if text in place}
    wrong = {index: right for index, right in found.items() if index != right}
    if len(wrong) > len(found) / 2:
        index, right = next(iter(wrong.items()))
        raise BadData(
            f"{images.located.root} calls class {index} {images.class_names[index]!r}, which is class "
            f"{right} of ImageNet-1K; its labels are in another order, so scores would mean nothing"
        )


def _check_names(images: ImageSet, task: TaskCard, labels: Sequence[int]) -> None:
    if images.located.reader != "parquet" or task.class_names != "wnid" or task.classes != IMAGENET_CLASSES:
        return
    order = {name: index for index, name in enumerate(synsets())}
    for name, label in zip(images.names, labels, strict=True):
        match = WNID_IN_NAME.search(name)
        if match and order.get(match[1]) != label:
            raise BadData(
                f"{images.located.root} labels {name} as class {label}, but {match[1]} is class "
                f"{order.get(match[1])} of ImageNet-1K; its labels are in another order"
            )


def _check_decoding(images: ImageSet) -> None:
    failures = []
    positions = spread(DECODED, len(images.names))
    for position in positions:
        try:
            images.decode(position)
        # decoders raise nearly anything on damaged files
        except Exception as error:
            failures.append(f"{images.names[position]}: {error}")
    images.close()
    if failures and len(failures) == len(positions):
        raise BadData(
            f"{images.located.root}: none of {len(positions)} sampled images can be decoded ({failures[0]}); "
            "get the data set again"
        )


def _imagenet() -> Any:
    # half annotated in timm
    return ImageNetInfo("imagenet-1k")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")

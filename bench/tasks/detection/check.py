"""Checks a detection set before it is scored: count, categories, and that images and annotations belong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bench.machine.dense_data import DensePlace
from bench.sets.coco_classes import CATEGORY_IDS, NAMES
from bench.spec.card import TaskCard
from bench.spec.errors import BadData

Document = dict[str, Any]


def check(place: DensePlace, task: TaskCard, *, limited: bool) -> Document:
    """Return the annotation file. A `limited` run may lack images of the count, but none that is annotated.

    Raises `BadData` for another count, other categories or another order of them, annotations without an
    image or a class, and images that are not there.
    """
    document = _read(place)
    _check_categories(place, task, document["categories"])
    _check_images(place, task, document["images"], limited)
    _check_annotations(place, task, document)
    return document


def _read(place: DensePlace) -> Document:
    try:
        document = json.loads(place.labels.read_bytes())
    except (OSError, ValueError) as error:
        raise BadData(f"{place.labels} cannot be read as JSON ({error}); get it again") from None
    lacking = [
        name
        for name in ("images", "annotations", "categories")
        if not (isinstance(document, dict) and isinstance(document.get(name), list))
    ]
    if lacking:
        raise BadData(f"{place.labels} has no list of {' or '.join(lacking)}; it must be a file of instances")
    found: Document = document
    return found


def _check_categories(place: DensePlace, task: TaskCard, categories: Sequence[Document]) -> None:
    if len(categories) != task.classes:
        raise BadData(
            f"{place.labels} has {len(categories)} categories, but {task.label} has {task.classes}, numbered "
            f"1 to 90 with gaps; a list of 91 names counts the gaps and shifts labels. {task.how_to_get}"
        )
    wanted = list(zip(CATEGORY_IDS, NAMES, strict=True))
    for (number, name), category in zip(wanted, categories, strict=True):
        found = (category.get("id"), category.get("name"))
        if found != (number, name):
            raise BadData(
                f"{place.labels} has the category {found[0]} ({found[1]}) where {task.label} has {number} "
                f"({name}); labels would be shifted, so scores would mean nothing. {task.how_to_get}"
            )


def _check_images(place: DensePlace, task: TaskCard, images: Sequence[Document], limited: bool) -> None:
    there = {path.name for path in place.images.iterdir()}
    missing = [image["file_name"] for image in images if image["file_name"] not in there]
    if images and len(missing) == len(images):
        raise BadData(
            f"{place.labels} is for another split: none of its {len(images):,} images, such as {missing[0]}, "
            f"is in {place.images}. {task.how_to_get}"
        )
    if missing:
        raise BadData(
            f"{place.images} lacks {len(missing):,} of the {len(images):,} images that {place.labels.name} "
            f"annotates ({', '.join(missing[:3])}{', ...' if len(missing) > 3 else ''}); complete it. "
            f"{task.how_to_get}"
        )
    if not images or (len(images) != task.images and not limited):
        raise BadData(
            f"{place.labels} annotates {len(images):,} images, but {task.label} has {task.images:,}; it is "
            f"of another split or a part of it. {task.how_to_get}"
        )


def _check_annotations(place: DensePlace, task: TaskCard, document: Document) -> None:
    images = {image["id"] for image in document["images"]}
    categories = set(CATEGORY_IDS)
    for annotation in document["annotations"]:
        number, image = annotation.get("id"), annotation.get("image_id")
        category = annotation.get("category_id")
        if image not in images:
            raise BadData(
                f"{place.labels}: annotation {number} is of image {image}, which the "
                f"file does not list; it is damaged or of another split. {task.how_to_get}"
            )
        if category not in categories:
            raise BadData(
                f"{place.labels}: annotation {number} is of category {category}, which "
                f"the file does not list; get it again. {task.how_to_get}"
            )
        if "bbox" not in annotation or "segmentation" not in annotation:
            raise BadData(
                f"{place.labels}: annotation {number} has no box or no mask; take the annotations of "
                f"instances, not those of captions or key points. {task.how_to_get}"
            )

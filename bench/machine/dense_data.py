"""Finds detection and segmentation sets on this machine, without opening an image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.spec.card import Layout, TaskCard
from bench.spec.errors import MissingData


@dataclass(frozen=True, slots=True)
class DensePlace:
    """Where the images (a folder) and labels (a folder or a JSON file) of a set lie."""

    root: Path
    images: Path
    labels: Path


def locate(task: TaskCard, layout: Layout, data_dir: Path) -> DensePlace:
    """Find the set of a task in one of its folders below the data folder, else in the data folder itself.

    A set that the bench makes need not exist. Raises `MissingData` with every place looked at; images
    without labels, or labels without images, are no set.
    """
    bases = [data_dir / folder for folder in task.folders]
    if task.generated is not None:
        return _place(bases[0], layout)
    looked: list[str] = []
    for base in (*bases, data_dir):
        place = _place(base, layout)
        absent = [path for path in (place.images, place.labels) if not path.exists()]
        if not absent:
            return place
        looked += [
            f"{absent[0]} (beside {place.images})" if len(absent) == 1 else str(path) for path in absent
        ]
    how_to_get = task.how_to_get.replace("DATA", str(data_dir))
    raise MissingData(
        f"{task.label} was not found; looked for {', '.join(dict.fromkeys(looked))}. {how_to_get} "
        "--data names another data folder."
    )


def _place(base: Path, layout: Layout) -> DensePlace:
    return DensePlace(base, base / layout.images, base / layout.labels)

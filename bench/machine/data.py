"""Finds data sets on this machine by their layout, without opening an image."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from bench.spec.card import TaskCard
from bench.spec.errors import MissingData

ReaderKind = Literal["folder", "tar", "parquet"]
CLASS_NAME = {"wnid": re.compile(r"n\d{8}"), "number": re.compile(r"\d+"), "any": re.compile(r"[^.].*")}
NAMED_BY = {"wnid": "named by a WordNet id", "number": "named by a number", "any": "of a class"}
IMAGE_SUFFIXES = (".jpeg", ".jpg", ".png")
# a split holds as many entries as it has classes, unless it is flat
ENTRIES_LOOKED_AT = 2000


@dataclass(frozen=True, slots=True)
class Located:
    """Where a data set lies and what reads it; for parquet the root is the folder of the files."""

    reader: ReaderKind
    root: Path


def locate(task: TaskCard, data_dir: Path) -> Located:
    """Find the images of a classification task below the data folder, else in the data folder itself.

    Looked for, in each folder that the card names and for each split: a folder with class
    folders, a tar file, parquet files. A split `.` is the folder itself. A data set that the
    bench makes need not exist; its place is returned.

    Raises `MissingData` with every place looked at, or with the split that is a flat folder of
    images: what it lacks are the labels.
    """
    if task.generated is not None:
        return Located("folder", data_dir / task.folders[0] / task.splits[0])
    looked: list[str] = []
    for base in (*(data_dir / folder for folder in task.folders), data_dir):
        if not base.is_dir() and not _tar(base, ".").is_file():
            looked.append(f"{base} (no such folder)")
            continue
        for place in _places(task, base, own=base != data_dir):
            if _is_there(task, place):
                return place
            looked.append(_describe(task, place))
    raise MissingData(_missing(task, data_dir, looked))


def parquet_files(root: Path, splits: tuple[str, ...]) -> tuple[Path, ...]:
    """Return the parquet files of a split in a folder, sorted by name.

    They are those whose names begin with the name of the split; where the split is the
    folder itself, or has a folder of its own, all of them.
    """
    for split in splits:
        whole = split in {".", root.name}
        found = sorted(path for path in root.glob("*.parquet") if whole or _belongs(path.stem, split))
        if found:
            return tuple(found)
    return ()


def _places(task: TaskCard, base: Path, *, own: bool) -> Iterator[Located]:
    for split in task.splits:
        yield Located("folder", base / split)
        # the data folder itself may hold the files of several data sets
        if own or split != ".":
            yield Located("tar", _tar(base, split))
        if split != ".":
            yield Located("parquet", base / split)
    if own or "." not in task.splits:
        yield from (Located("parquet", folder) for folder in (base / "data", base))


def _tar(base: Path, split: str) -> Path:
    return base.with_name(f"{base.name}.tar") if split == "." else base / f"{split}.tar"


def _is_there(task: TaskCard, place: Located) -> bool:
    if place.reader == "tar":
        return place.root.is_file()
    if not place.root.is_dir():
        return False
    if place.reader == "parquet":
        return bool(parquet_files(place.root, task.splits))
    folders, has_images = _look_into(place.root)
    if not folders and has_images and place.root.name in task.splits:
        raise MissingData(_flat(task, place.root))
    return any(CLASS_NAME[task.class_names].fullmatch(name) for name in folders)


def _look_into(folder: Path) -> tuple[list[str], bool]:
    folders: list[str] = []
    has_images = False
    with os.scandir(folder) as entries:
        for entry in islice(entries, ENTRIES_LOOKED_AT):
            if entry.is_dir():
                folders.append(entry.name)
            has_images = has_images or entry.name.lower().endswith(IMAGE_SUFFIXES)
    return folders, has_images


def _belongs(stem: str, split: str) -> bool:
    return re.match(rf"{re.escape(split)}(?![a-z0-9])", stem) is not None


def _describe(task: TaskCard, place: Located) -> str:
    if place.reader == "parquet":
        return str(place.root / "*.parquet")
    if place.reader == "folder" and place.root.is_dir():
        return f"{place.root} (holds no folder {NAMED_BY[task.class_names]})"
    return str(place.root)


def _missing(task: TaskCard, data_dir: Path, looked: list[str]) -> str:
    how_to_get = task.how_to_get.replace("DATA", str(data_dir))
    places = ", ".join(dict.fromkeys(looked))
    return f"{task.label} was not found; looked at {places}. {how_to_get} --data names another data folder."


def _flat(task: TaskCard, root: Path) -> str:
    return (
        f"{root} holds images but no class folders, so their labels are unknown; "
        f"sort them into {task.classes:,} folders {NAMED_BY[task.class_names]}"
    )

"""What is cheap to know of a data set, so that a plan sees when it is another one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from bench.machine.data import IMAGE_SUFFIXES, Located, parquet_files
from bench.spec.cell import digest

# asking for the size of every image takes seconds where the folder is on another machine
SIZES_ASKED = 1000


def listing(located: Located, splits: tuple[str, ...]) -> str | None:
    """Return the reader and a digest of names and sizes, without opening a file; None where it cannot be.

    Of class folders it is the names of all images and the sizes of 1,000 of them, of parquet files of a
    split their names and sizes, of a tar file its size.
    """
    try:
        return f"{located.reader}:{digest(_content(located, splits))}"
    except OSError:
        return None


def other_images(before: str | None, now: str | None) -> bool:
    """Say whether two listings prove other images; what two readers say cannot be compared."""
    if before is None or now is None or before.partition(":")[0] != now.partition(":")[0]:
        return False
    return before != now


def _content(located: Located, splits: tuple[str, ...]) -> list[tuple[str, int]]:
    if located.reader == "tar":
        return [("", located.root.stat().st_size)]
    if located.reader == "parquet":
        return [(path.name, path.stat().st_size) for path in parquet_files(located.root, splits)]
    images = sorted(_images(located.root))
    step = -(-len(images) // SIZES_ASKED) or 1
    sizes = {name: (located.root / name).stat().st_size for name in images[::step]}
    return [(name, sizes.get(name, 0)) for name in images]


def _images(root: Path) -> Iterator[str]:
    with os.scandir(root) as entries:
        folders = [entry for entry in entries if entry.is_dir()]
    for folder in folders:
        with os.scandir(folder) as files:
            names = [file.name for file in files if file.name.lower().endswith(IMAGE_SUFFIXES)]
        yield from (f"{folder.name}/{name}" for name in names)

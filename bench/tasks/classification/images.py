"""Opens a data set through timm's readers and lists its images in their order."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from timm.data.readers.reader_factory import create_reader

from bench.machine.data import Located
from bench.spec.card import TaskCard
from bench.spec.errors import BadData
from bench.tasks.classification.parquet import columns, open_parquet

UNREADABLE = (OSError, RuntimeError, ValueError, TypeError, LookupError, AssertionError, tarfile.TarError)


@dataclass(frozen=True, slots=True)
class ImageSet:
    """The images of a split in the order of the reader; the sequences run in parallel.

    `names` are `class folder/file`, or the file alone where there are no folders.
    `labels` are as the reader numbers the classes, whose names are in `class_names`
    (empty where the data set does not name them).
    """

    located: Located
    reader: Any
    names: tuple[str, ...]
    sizes_bytes: tuple[int, ...]
    labels: tuple[int, ...]
    class_names: tuple[str, ...]

    def decode(self, position: int) -> Image.Image:
        """Decode one image to RGB; raises whatever its decoder raises."""
        with self.reader[position][0] as file, Image.open(file) as image:
            return image.convert("RGB")

    def close(self) -> None:
        """Let go of open tar files, as processes that share one would read at each other's place."""
        state = getattr(self.reader, "tar_state", None)
        for part in () if state is None else (*state.children.values(), state):
            if part.tf is not None:
                part.tf.close()
                part.reset()

    def fingerprint(self, labels: Sequence[int]) -> str:
        """Return the SHA-256 of names, sizes in bytes and the given labels of all images, in order."""
        rows = zip(self.names, self.sizes_bytes, labels, strict=True)
        text = "\n".join(f"{name}\t{size}\t{label}" for name, size, label in rows)
        return hashlib.sha256(text.encode()).hexdigest()


def open_images(task: TaskCard, located: Located) -> ImageSet:
    """List the images of a located data set without decoding any.

    Raises `BadData` where timm's reader cannot read it, and `MissingExtra` for parquet
    without the package `datasets`.
    """
    try:
        if located.reader == "folder":
            return _open_folder(located)
        if located.reader == "tar":
            return _open_tar(located)
        return _open_parquet(located, task.splits)
    except UNREADABLE as error:
        raise BadData(
            f"{located.root} cannot be read as {located.reader} ({type(error).__name__}: {error}); "
            "get the data set again"
        ) from None


def _open_folder(located: Located) -> ImageSet:
    reader = create_reader("", root=str(located.root))
    paths = [Path(path) for path, _ in reader.samples]
    return ImageSet(
        located,
        reader,
        tuple(_short(path) for path in paths),
        tuple(path.stat().st_size for path in paths),
        tuple(label for _, label in reader.samples),
        _by_index(reader.class_to_idx),
    )


def _open_tar(located: Located) -> ImageSet:
    # timm would leave a pickle beside large files, and trust the one it finds
    reader = create_reader("", root=str(located.root), cache_tarinfo=False)
    members = [sample[0] for sample in reader.samples]
    return ImageSet(
        located,
        reader,
        tuple(_short(Path(member.name)) for member in members),
        tuple(member.size for member in members),
        tuple(int(label) for label in reader.targets),
        _by_index(reader.class_name_to_idx),
    )


def _open_parquet(located: Located, splits: tuple[str, ...]) -> ImageSet:
    reader = open_parquet(located.root, splits)
    names, sizes_bytes, labels = columns(reader)
    return ImageSet(located, reader, names, sizes_bytes, labels, _by_index(reader.class_to_idx))


def _short(path: Path) -> str:
    return "/".join(path.parts[-2:])


def _by_index(index: dict[str, int]) -> tuple[str, ...]:
    return tuple(sorted(index, key=index.__getitem__))

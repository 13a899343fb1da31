"""Opens Hugging Face parquet files on disk through timm's reader."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.machine.data import parquet_files
from bench.spec.errors import BadData, MissingExtra

Columns = tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...]]


def open_parquet(root: Path, splits: tuple[str, ...]) -> Any:
    """Return timm's reader for the parquet files of a split; they need columns `image` and `label`.

    The package `datasets` converts them once into its own cache (HF_DATASETS_CACHE), where
    they take as much space again. Raises `MissingExtra` where it is not installed, and
    `BadData` where columns are called otherwise.
    """
    if find_spec("datasets") is None:
        raise MissingExtra(
            f"{root} holds parquet files, which need the package `datasets`; run: pip install -e '.[parquet]'"
        )
    files = parquet_files(root, splits)
    _check_columns(root, files[0])
    datasets: Any = import_module("datasets")
    folder = _link(files, Path(datasets.config.HF_DATASETS_CACHE))
    # not through `create_reader`, of which older versions turn the path into lower case
    readers: Any = import_module("timm.data.readers.reader_hfds")
    return readers.ReaderHfds(name=str(folder), split="validation")


def columns(reader: Any) -> Columns:
    """Return names, sizes in bytes and labels of all images without reading their pixels."""
    pc: Any = import_module("pyarrow.compute")

    table = reader.dataset.data
    image = table.column("image")
    names = pc.struct_field(image, "path").to_pylist()
    sizes = pc.binary_length(pc.struct_field(image, "bytes")).to_pylist()
    labels = table.column("label").to_pylist()
    return (
        tuple(Path(name).name if name else f"row_{row:08d}" for row, name in enumerate(names)),
        tuple(size if size else Path(name).stat().st_size for size, name in zip(sizes, names, strict=True)),
        tuple(int(label) for label in labels),
    )


def _check_columns(root: Path, file: Path) -> None:
    pq: Any = import_module("pyarrow.parquet")
    found = pq.read_schema(file).names
    if not {"image", "label"} <= set(found):
        raise BadData(
            f"{root} has the columns {', '.join(found)}, but `image` and `label` are needed; rename them"
        )


def _link(files: Sequence[Path], cache: Path) -> Path:
    """Make a folder that holds links to these files and nothing else.

    Asked for one split, `datasets` still converts all that lie in the folder: with the
    training images that would be another 140 GB.
    """
    stamps = [f"{path.resolve()} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    folder = cache / "vision-backbone-bench" / hashlib.sha256("\n".join(stamps).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(files):
        link = folder / f"validation-{number:05d}.parquet"
        if not link.is_symlink():
            link.symlink_to(path.resolve())
    return folder

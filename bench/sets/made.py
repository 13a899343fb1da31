"""Makes a data set whole or not at all, and finds out whether it is still what was made."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import features

from bench.sets.makers import MAKERS
from bench.spec.card import TaskCard
from bench.spec.errors import BadData

MANIFEST = "made.json"
NAMED = 3


@dataclass(frozen=True, slots=True)
class Made:
    """What is known of a set that was made: whether its files are the published ones, and what encoded them.

    Pictures are the same everywhere, but another JPEG library writes other files of them.
    """

    published: bool
    encoder: str

    def __str__(self) -> str:
        if self.published:
            return "files as published"
        return f"files of another JPEG library ({self.encoder}): a few images may score differently"


@dataclass(frozen=True, slots=True)
class _Manifest:
    pixels_sha256: str
    encoder: str
    files: Mapping[str, str]


class _Tally:
    """The SHA-256 of all that goes into a set, before any encoder, and how far it is."""

    def __init__(self, progress: Callable[[], object] | None) -> None:
        self._digest, self._progress = hashlib.sha256(), progress

    def __call__(self, name: str, *planes: NDArray[Any]) -> None:
        for plane in planes:
            self._digest.update(f"{name} {plane.shape} {plane.dtype.str[1:]}\n".encode())
            self._digest.update(plane.tobytes())
        if self._progress is not None:
            self._progress()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def ensure(task: TaskCard, root: Path, progress: Callable[[], object] | None = None) -> Made | None:
    """Make the set of a task at `root` unless it is there, then check it; `progress` is called per image.

    It appears whole or not at all: a run that is killed leaves at most a hidden folder. Returns what `check`
    does. Raises `BadData` as `check` does, where the folder cannot be written, and where the pictures drawn
    here are not those of the card.
    """
    if not root.is_dir():
        _make(task, root, progress)
    return check(task, root)


def check(task: TaskCard, root: Path) -> Made | None:
    """Compare every file of a set with what was made, and that with the digests of the card.

    Returns None where the card has none. Raises `BadData` for a file that was changed, lost or added, and for
    a set of another version. A set without a list of its files, which older versions made, is taken as it is
    where the card has no digest.
    """
    manifest = _read(root / MANIFEST)
    if manifest is None:
        if task.pixels_sha256 is None:
            return None
        raise BadData(f"{root} has no readable list of its files ({MANIFEST}); {_again(root)}")
    if task.pixels_sha256 not in {None, manifest.pixels_sha256}:
        raise BadData(f"{root} holds the pictures of another version of {task.label}; {_again(root)}")
    files = _digests(root)
    _compare(root, manifest.files, files)
    if task.files_sha256 is None:
        return None
    return Made(task.files_sha256 == encoded(files), manifest.encoder)


def encoded(files: Mapping[str, str]) -> str:
    """Return the SHA-256 of all JPEG files, from their names and digests: what an encoder can change.

    PNG is lossless, so that its files may differ and their pixels never do.
    """
    lines = (f"{name} {files[name]}" for name in sorted(files) if name.endswith(".jpg"))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _compare(root: Path, before: Mapping[str, str], now: Mapping[str, str]) -> None:
    names = sorted(before.keys() | now.keys())
    changed = [name for name in names if before.get(name) != now.get(name)]
    if changed:
        some = ", ".join(changed[:NAMED]) + (", ..." if len(changed) > NAMED else "")
        raise BadData(
            f"{root}: {len(changed):,} of {len(names):,} files are not as they were made ({some}); "
            f"{_again(root)}"
        )


def _again(root: Path) -> str:
    return f"delete the folder {root}, and it is made again"


def _make(task: TaskCard, root: Path, progress: Callable[[], object] | None) -> None:
    aside = None
    try:
        if not root.parent.exists():
            root.parent.mkdir(parents=True, exist_ok=True)
        # the number of this process would not do as a name: machines that share a folder have the same ones
        aside = Path(mkdtemp(prefix=f".{root.name}.", suffix=".partial", dir=root.parent))
        partial = aside / root.name
        partial.mkdir()
        _fill(task, partial, _Tally(progress))
        _publish(partial, root)
    except OSError as error:
        raise BadData(
            f"the images of {task.key} cannot be written to {root} ({error.strerror}); "
            "name another data folder with --data"
        ) from None
    finally:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)


def _fill(task: TaskCard, folder: Path, tally: _Tally) -> None:
    MAKERS[str(task.generated)](folder, tally)
    wanted = task.pixels_sha256
    if wanted is not None and wanted != tally.sha256:
        raise BadData(
            f"the pictures of {task.key} that are drawn here (SHA-256 {tally.sha256[:12]}) are not those of "
            f"its card ({wanted[:12]}), so scores would mean nothing: this NumPy ({np.__version__}) computes "
            "something else; install another version"
        )
    content = {"pixels_sha256": tally.sha256, "encoder": _encoder(), "files": _digests(folder)}
    (folder / MANIFEST).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _publish(partial: Path, root: Path) -> None:
    try:
        partial.rename(root)
    except OSError:
        # another process was faster; its images are the same
        if not root.is_dir():
            raise


def _encoder() -> str:
    library = "libjpeg-turbo" if features.check("libjpeg_turbo") else "libjpeg"
    version = features.version("libjpeg_turbo") or features.version("jpg")
    return f"Pillow {PIL.__version__}, {library} {version}"


def _read(path: Path) -> _Manifest | None:
    try:
        content = json.loads(path.read_bytes())
        return _Manifest(content["pixels_sha256"], content["encoder"], dict(content["files"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _digests(root: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a set but its manifest, by its path below the root."""
    paths = sorted(path for path in root.rglob("*") if path.is_file() and path != root / MANIFEST)
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    }

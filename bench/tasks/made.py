"""Writes a data set that the bench makes itself: whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from bench.spec.errors import BadData

Maker = Callable[[Path], None]


def ensure_made(name: str, root: Path, maker: Maker) -> None:
    """Have `maker` fill the folder `root` unless it is there.

    It appears whole or not at all: a run that is killed leaves at most a hidden folder.
    Raises `BadData` where the folder cannot be written.
    """
    if root.is_dir():
        return
    partial = root.with_name(f".{root.name}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        maker(partial)
        _publish(partial, root)
    except OSError as error:
        raise BadData(
            f"the images of {name} cannot be written to {root} ({error.strerror}); "
            "name another data folder with --data"
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _publish(partial: Path, root: Path) -> None:
    try:
        partial.rename(root)
    except OSError:
        # another process was faster; its images are the same
        if not root.is_dir():
            raise

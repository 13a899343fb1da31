"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

NO_HARD_LINKS = frozenset((errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK))


def write_once(path: Path, text: str) -> None:
    """Write a new file; readers see all of it or none, also after a loss of power.

    Raises `FileExistsError` where `path` is already there, and leaves that file as it is;
    any other `OSError` leaves nothing behind.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        _write_through(partial, text.encode())
        _publish(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(path.parent)


def replace(path: Path, text: str) -> None:
    """Write a file that may be there already; readers see the old text or all of the new.

    An `OSError` leaves the old file as it was and nothing beside it.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        _write_through(partial, text.encode())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _write_through(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _publish(partial: Path, path: Path) -> None:
    try:
        os.link(partial, path)
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        # some file systems have no hard links; one writer per folder makes this as safe
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        partial.replace(path)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""One writer per results folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from bench.spec.errors import Busy
from bench.store.trouble import cannot_write

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:
    # not a POSIX system: no locks of this kind, and no forked workers either
    fcntl = None

NAME = ".lock"


@contextmanager
def one_writer(root: Path) -> Iterator[None]:
    """Hold the results folder while the block runs; the folder is made where it is missing.

    Raises `Busy` naming the process that holds it, and `UserError` where it cannot be
    written. The system lets go of the lock when its process ends, however it ends.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(root / NAME, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise cannot_write(root, error) from None
    try:
        if not _take(descriptor):
            raise Busy(_who(root, os.read(descriptor, 4096)))
        _sign(descriptor)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # some network file systems know no locks; then nobody can be asked
        return True
    return True


def _sign(descriptor: int) -> None:
    started = datetime.now(UTC).isoformat(timespec="seconds")
    text = json.dumps({"pid": os.getpid(), "started_utc": started})
    os.ftruncate(descriptor, 0)
    os.write(descriptor, text.encode())


def _who(root: Path, signature: bytes) -> str:
    try:
        holder = json.loads(signature)
        who = f"process {holder['pid']}, since {holder['started_utc']},"
    except (ValueError, KeyError, TypeError):
        # it took the lock a moment ago and has not signed yet
        who = "another process"
    return f"{root}: {who} is writing results there; wait for it, or name another folder with --results DIR"

"""What to tell the user when the results folder cannot be written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from bench.spec.errors import UserError

FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


def cannot_write(folder: Path, error: OSError) -> UserError:
    """Return the error for a folder that refused a file: which folder, why, and the remedy."""
    why = os.strerror(error.errno) if error.errno else str(error)
    remedy = "free some space there" if error.errno in FULL else "make it writable"
    return UserError(
        f"{folder}: cannot write results: {why}; {remedy} or name another folder with --results DIR, "
        "then give the same command again"
    )

"""Which commit of the bench is running."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT_S = 10.0
# for copies without git, such as containers: `git describe --always --abbrev=40 --dirty`
VARIABLE = "BENCH_GIT_COMMIT"
DIRTY = "-dirty"


def revision(folder: Path = ROOT) -> tuple[str | None, bool | None]:
    """Return the commit that `folder` is checked out at, and whether its `bench` differs from it.

    New files count as a difference: a card that is not committed moves results too. Where
    there is no git, where `folder` is not the top of a checkout or has no commit, and where
    git gives no answer within ten seconds, the variable BENCH_GIT_COMMIT (`<commit>` or `<commit>-dirty`)
    speaks; without it both are None.
    """
    top = _git(folder, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != folder.resolve():
        return _stated()
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--", "bench")
    if commit is None or changed is None:
        return _stated()
    return commit, bool(changed)


def _stated() -> tuple[str | None, bool | None]:
    text = os.environ.get(VARIABLE)
    return (text.removesuffix(DIRTY), text.endswith(DIRTY)) if text else (None, None)


def _git(folder: Path, *arguments: str) -> str | None:
    # optional locks off: a status that runs beside a commit must not make the commit fail
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()

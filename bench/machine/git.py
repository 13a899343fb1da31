"""Which commit of the bench is running."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT_S = 10.0


def revision(folder: Path = ROOT) -> tuple[str | None, bool | None]:
    """Return the commit that `folder` is checked out at, and whether its `bench` differs from it.

    New files count as a difference: a card that is not committed moves results too. Both
    are None where there is no git, where `folder` is not the top of a checkout, and where
    git gives no answer within ten seconds.
    """
    top = _git(folder, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != folder.resolve():
        return None, None
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--", "bench")
    if commit is None or changed is None:
        return None, None
    return commit, bool(changed)


def _git(folder: Path, *arguments: str) -> str | None:
    # optional locks off: a status that runs beside a commit must not make the commit fail
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()

"""Flags and details that records of detection and segmentation have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from bench.spec.cell import RANDOM
from bench.spec.job import Job


def flags(job: Job, damaged: Mapping[int, str]) -> Iterator[str]:
    """Yield what qualifies the scores."""
    if job.cell.limit_images is not None:
        yield "partial"
    if job.cell.weights == RANDOM:
        yield "random_weights"
    if damaged:
        yield "corrupt_excluded"


def fingerprint(files: Iterable[Path]) -> str:
    """Return a SHA-256 of the names and sizes of files, in the order given."""
    lines = (f"{path.name} {path.stat().st_size}" for path in files)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def spread(count: int | None, total: int) -> list[int]:
    """Return `count` positions of `total`, evenly spread, ascending; all where there are fewer."""
    if count is None or count >= total:
        return list(range(total))
    return [number * total // count for number in range(count)]

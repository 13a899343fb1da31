"""What a task hands back to the worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.spec.job import Job
from bench.spec.record import Measured


@dataclass(frozen=True)
class TaskResult:
    """A finished measurement and what identifies its inputs, where it has any."""

    measured: Measured
    data_fingerprint: str | None = None
    weights_sha256: str | None = None
    data_listing: str | None = None


Task = Callable[[Job], TaskResult]

"""Brings the JSON of an older record up to the schema this bench writes.

A step `n` takes the document of version `n` to version `n + 1`. Whoever raises
`SCHEMA_VERSION` adds the step for the version before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bench.spec.errors import BadRecord
from bench.spec.record import SCHEMA_VERSION

Document = dict[str, Any]
Steps = Mapping[int, Callable[[Document], Document]]

STEPS: Steps = {}


def upgrade(document: Document, steps: Steps = STEPS, current: int = SCHEMA_VERSION) -> Document:
    """Return the document in the current schema.

    Raises `BadRecord` for a newer one, and `ValueError` for one without a version that
    any bench wrote.
    """
    version = document.get("schema_version")
    if not isinstance(version, int) or version < 1:
        raise ValueError(f"schema_version is {version!r}, expected a number from 1 to {current}")
    if version > current:
        raise BadRecord(
            f"written by a newer bench (schema {version}, this bench reads up to {current}); update the bench"
        )
    for step in range(version, current):
        document = {**steps[step](document), "schema_version": step + 1}
    return document

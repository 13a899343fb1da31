"""Brings the JSON of an older record up to the schema this bench writes.

A step `n` takes the document of version `n` to version `n + 1`. Whoever raises
`SCHEMA_VERSION` adds the step for the version before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bench.spec.card import ModelCard
from bench.spec.cell import PUBLISHED, RANDOM, Cell
from bench.spec.errors import BadRecord
from bench.spec.record import SCHEMA_VERSION

Document = dict[str, Any]
Steps = Mapping[int, Callable[[Document], Document]]


def _with_digests(document: Document) -> Document:
    """Give a cell what version 2 added: the digests of its card and of its weights file."""
    cell, provenance = document["cell"], document["provenance"]
    added = {"card_digest": ModelCard.model_validate(provenance["card"]).digest_for(cell["measure"])}
    if cell["weights"] not in {PUBLISHED, RANDOM}:
        added["weights_digest"] = (provenance["weights_sha256"] or "")[:12]
    if cell["measure"] == "complexity":
        added["protocol_digest"] = ""
    grown = {**cell, **added}
    return {**document, "cell": grown, "cell_key": Cell.model_validate(grown).key}


STEPS: Steps = {1: _with_digests}


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
        try:
            document = {**steps[step](document), "schema_version": step + 1}
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a record of schema {step}: {error!r}") from None
    return document

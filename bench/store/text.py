"""Records as JSON text: no value that JSON cannot hold ever gets in."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, NoReturn

from pydantic import BaseModel

from bench.spec.errors import BadRecord


def to_json(value: BaseModel) -> str:
    """Write a value as indented JSON with a line end.

    Raises `BadRecord` naming the dotted path of every number that is not finite: JSON has
    no word for it, and a reader would take the null that is usual for a missing value.
    """
    tree = value.model_dump(mode="json")
    wrong = [f"{path} is {number}" for path, number in _not_finite(tree, ())]
    if wrong:
        raise BadRecord(f"not a finite number: {', '.join(wrong)}")
    return json.dumps(tree, indent=1, allow_nan=False) + "\n"


def from_json(text: str) -> dict[str, Any]:
    """Read a JSON object; raises `ValueError` for anything else, NaN and Infinity included."""
    document = DECODER.decode(text)
    if not isinstance(document, dict):
        raise ValueError("expected a JSON object")
    return document


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")


# made once: the store reads tens of thousands of files
DECODER = json.JSONDecoder(parse_constant=_refuse)


def _not_finite(tree: object, path: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _not_finite(value, (*path, str(key)))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _not_finite(value, (*path, str(index)))
    elif isinstance(tree, float) and not math.isfinite(tree):
        yield ".".join(path), tree

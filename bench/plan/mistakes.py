"""One mistake in a suite file, and the message that lists them all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from bench.spec.errors import BadSuite

Place: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True)
class Mistake:
    """What is wrong at a place; `line` only where the place alone would not tell it."""

    place: Place
    text: str
    line: int | None = None


def bad_suite(path: Path, lines: Mapping[Place, int], mistakes: Iterable[Mistake]) -> BadSuite:
    """Return the error that lists every mistake as in the file, the first one of each place only.

    `lines` holds the line of every place, in the order of the file.
    """
    listed: dict[tuple[int, Place], str] = {}
    for mistake in mistakes:
        listed.setdefault((mistake.line or _line(mistake.place, lines), mistake.place), mistake.text)
    order = {place: number for number, place in enumerate(lines)}
    in_order = sorted(listed, key=lambda key: (key[0], order.get(key[1], len(order))))
    return BadSuite("\n".join(_message(path, *key, listed[key]) for key in in_order))


def shown(value: object) -> str:
    """Write a value for a message, long ones shortened."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _line(place: Place, lines: Mapping[Place, int]) -> int:
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def _message(path: Path, line: int, place: Place, text: str) -> str:
    where = ".".join(map(str, place))
    return f"{path}:{line}: {where}: {text}" if where else f"{path}:{line}: {text}"

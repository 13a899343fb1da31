"""What a planted bug is, and the places where several of them are planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from bench.nets import routes

Plant = Callable[[pytest.MonkeyPatch], None]
Wrap = Callable[..., Any]
Stage = Literal["reading", "network", "scoring"]


@dataclass(frozen=True)
class Mutation:
    """One bug: what goes wrong, the model that shows it, how it is planted, and at which stage it strikes."""

    what: str
    model: str
    plant: Plant
    stage: Stage = "network"


def wrapped(place: Any, name: str, change: Wrap) -> Plant:
    """Return what puts `change(original, *arguments)` in the place of a function or method."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        original = getattr(place, name)

        def changed(*arguments: Any, **named: Any) -> Any:
            return change(original, *arguments, **named)

        patch.setattr(place, name, changed)

    return plant


def replaced(place: Any, name: str, value: object) -> Plant:
    """Return what puts a value in the place of another."""
    return lambda patch: patch.setattr(place, name, value)


def forget_tables() -> None:
    """Make the tables of routes anew at the next use."""
    routes._kept.cache_clear()

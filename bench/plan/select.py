"""Keeps the cells that `--only` asks for."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from bench.spec.cell import Cell
from bench.spec.errors import UserError, did_you_mean

NAMES_SHOWN = 3


def select(cells: Sequence[Cell], globs: Sequence[str]) -> tuple[Cell, ...]:
    """Return the cells whose name matches any of the globs, in their order; all where there is no glob.

    Raises `UserError` for a glob that matches nothing, naming the nearest cell or the first three.
    """
    if not globs:
        return tuple(cells)
    names = [cell.name for cell in cells]
    chosen: set[str] = set()
    for glob in globs:
        found = {name for name in names if fnmatchcase(name, glob)}
        if not found:
            raise UserError(f"no cell matches {glob!r}{_hint(glob, names)}")
        chosen |= found
    return tuple(cell for cell, name in zip(cells, names, strict=True) if name in chosen)


def _hint(glob: str, names: Sequence[str]) -> str:
    near = did_you_mean(glob, names)
    if near:
        return near
    rest = len(names) - NAMES_SHOWN
    return f"; cells are called {', '.join(names[:NAMES_SHOWN])}" + (
        f" and {rest:,} more" if rest > 0 else ""
    )

"""Makes the sets that a run needs before it starts, where a person sees how far it is."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from tqdm import tqdm

from bench.machine.generated import root_of
from bench.sets.made import ensure
from bench.spec.card import TaskCard
from bench.spec.cell import Cell
from bench.spec.errors import BadData


def make_sets(cells: Iterable[Cell], tasks: Mapping[str, TaskCard], data_dir: Path, *, quiet: bool) -> None:
    """Make every generated set that cells are scored on and that is not there, with a bar on a terminal.

    A set that cannot be made is left to the cells, which fail with the reason.
    """
    hidden = quiet or not sys.stderr.isatty()
    for key in dict.fromkeys(cell.task for cell in cells if cell.measure == "accuracy"):
        task = tasks[key]
        if task.generated is None or root_of(task, data_dir).is_dir():
            continue
        bar = tqdm(total=task.images, desc=f"making {key}", unit="img", disable=hidden, leave=False)
        with bar, suppress(BadData):
            ensure(task, root_of(task, data_dir), bar.update)

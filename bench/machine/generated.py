"""Where sets lie that the bench makes itself."""

from __future__ import annotations

from pathlib import Path

from bench.machine import data, dense_data
from bench.spec.card import TaskCard


def root_of(task: TaskCard, data_dir: Path) -> Path:
    """Return the folder of a generated set, whether it is there or not."""
    if task.layout is not None:
        return dense_data.locate(task, task.layout, data_dir).root
    return data.locate(task, data_dir).root

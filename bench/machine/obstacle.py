"""Why a cell cannot run on this machine, before anything heavy is started."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from bench.machine import compiler, data, dense_data, openmmlab, scans, weights
from bench.machine.listing import listing, other_images
from bench.spec.card import ModelCard, TaskCard
from bench.spec.cell import PUBLISHED, RANDOM, Cell
from bench.spec.errors import CellError, MissingExtra, MissingWeights, Unsupported


class Obstacles:
    """Looks for what a cell needs, of the device, of the network, and for accuracy of data and weights.

    `find(cell)` returns the error that the cell would end with, or None; each data set and
    each checkpoint is looked for once.
    """

    def __init__(
        self, models: Mapping[str, ModelCard], tasks: Mapping[str, TaskCard], data_dir: Path
    ) -> None:
        self._models, self._tasks, self._data_dir = models, tasks, data_dir
        self._data = cache(self._look_for_data)
        self._listed = cache(self._list)
        self._weights = cache(self._look_for_weights)
        self._compiler = cache(compiler.find)

    def find(self, cell: Cell) -> CellError | None:
        """Return why the cell cannot run here: an extra, number format, size, compiler, data, or weights."""
        unsupported = self._unsupported(cell)
        if unsupported is not None or cell.measure != "accuracy":
            return unsupported
        return self._data(cell.task) or self._weights(cell.checkpoint, cell.weights)

    def _unsupported(self, cell: Cell) -> CellError | None:
        card = self._models[cell.checkpoint]
        missing = openmmlab.obstacle(card.key) if card.kind != "classification" else None
        if missing is not None:
            return missing
        too_few = _too_few_classes(card, self._tasks[cell.task]) if cell.measure == "accuracy" else None
        if too_few is not None:
            return Unsupported(too_few)
        wrong_size = card.wrong_size(cell.height_px, cell.width_px)
        if wrong_size is not None:
            return Unsupported(wrong_size)
        if cell.device == "cpu" and cell.precision == "tf32":
            return Unsupported(
                "tf32 needs an NVIDIA GPU of compute capability 8.0 or newer; a CPU can measure fp32: "
                "set `precisions` or --device"
            )
        if cell.device == "cpu" and cell.mode == "compiled" and self._compiler() is None:
            return Unsupported(
                f"compiled cells need a C++ compiler on a CPU, and there is no {compiler.wanted()}; "
                "install it, or set CXX to another"
            )
        return scans.obstacle(cell.scan_backend, cell.device)

    def other_data(self, task: str, before: str | None) -> str:
        """Say that the images of a task are not those of a listing; empty where nothing proves it."""
        if before is None:
            return ""
        located, now = self._listed(task)
        return f"measured with other images than those of {located}" if other_images(before, now) else ""

    def _list(self, task: str) -> tuple[Path | None, str | None]:
        try:
            located = data.locate(self._tasks[task], self._data_dir)
        except CellError:
            # a score holds where the data is not
            return None, None
        return located.root, listing(located, self._tasks[task].splits)

    def _look_for_data(self, task: str) -> CellError | None:
        card = self._tasks[task]
        try:
            if card.layout is not None:
                dense_data.locate(card, card.layout, self._data_dir)
                return None
            located = data.locate(card, self._data_dir)
        except CellError as error:
            return error
        if located.reader == "parquet" and find_spec("datasets") is None:
            return MissingExtra(
                f"{located.root} holds parquet files, which need the package `datasets`; "
                "run: pip install -e '.[parquet]'"
            )
        return None

    def _look_for_weights(self, checkpoint: str, wanted: str) -> CellError | None:
        if wanted == RANDOM:
            return None
        card = self._models[checkpoint]
        if weights.find(card, wanted) is not None:
            return None
        if wanted != PUBLISHED:
            return MissingWeights(f"no file {wanted}; correct `weights` in the suite")
        if card.weights_url is None:
            return MissingWeights(weights.none_public(card))
        if weights.offline():
            return MissingWeights(
                f"{card.weights_url} is not in the cache and this machine is set offline; "
                f"put the file at {weights.cache_path(card)}"
            )
        return None


def _too_few_classes(card: ModelCard, task: TaskCard) -> str | None:
    if card.kind != "classification" or card.classes >= task.classes:
        return None
    return f"{card.key} tells {card.classes} classes apart, but {task.label} has {task.classes:,}"

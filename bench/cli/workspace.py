"""Gathers what every verb on a suite needs: definitions, device, records and the planned cells."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path

from bench.catalog import read
from bench.catalog.reported import Reported, reported
from bench.machine import identity, present, weights
from bench.machine.obstacle import Obstacles
from bench.plan.expand import expand
from bench.plan.moved import moved, still_unsupported
from bench.plan.select import select
from bench.plan.state import Past, PlannedCell, assess
from bench.plan.suite import Suite, read_suite
from bench.spec.cell import DEVICE_KINDS, PUBLISHED, RANDOM, Cell, DeviceKind
from bench.spec.comparability import Condition
from bench.spec.errors import CellError, Unsupported
from bench.spec.record import Record
from bench.store.files import Store
from bench.store.nights import Nights


class Workspace:
    """One suite on one machine, as the options of `run`, `plan` and `report` describe it.

    Raises `UserError` for a suite, a device or an `--only` that is wrong.
    """

    def __init__(self, arguments: Namespace) -> None:
        self.catalog = read.catalog()
        self.suite: Suite = read_suite(arguments.suite, self.catalog)
        self.device = identity.resolve_device(getattr(arguments, "device", "auto"))
        self.data_dir = data_folder(getattr(arguments, "data", None), self.suite.data)
        self.results: Path = arguments.results
        self.store = Store(self.results)
        self._only: list[str] = getattr(arguments, "only", [])
        self._fresh: bool = getattr(arguments, "fresh", False)
        self._limit: int | None = getattr(arguments, "limit", None)
        self._weights_digest = cache(weights.file_digest)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell of the suite on this device, before `--only`."""
        return self._expand(self.device.kind)

    @property
    def reported_cells(self) -> tuple[Cell, ...]:
        """Every cell that belongs in the tables: on each kind of device that has records, else on this.

        So the tables of records from a GPU are the same wherever they are written.
        """
        known = {record.cell_key for record in self.records}
        both = {kind: self._expand(kind) for kind in DEVICE_KINDS}
        seen = [cells for cells in both.values() if any(not c.portable and c.key in known for c in cells)]
        return tuple(dict.fromkeys(cell for cells in seen or [self.cells] for cell in cells))

    @property
    def records(self) -> tuple[Record, ...]:
        """All stored records, read anew; damaged ones are left out (`warn` names them)."""
        return self.store.records()[0]

    @property
    def limit_images(self) -> int | None:
        """The most images that are scored, or None where `--limit` leaves nothing out."""
        return self._limit if any(cell.limit_images is not None for cell in self.cells) else None

    @cached_property
    def reported(self) -> tuple[Reported, ...]:
        """All reported numbers of the catalog."""
        return tuple(reported())

    def warn(self) -> None:
        """Name every damaged record, whose cell counts as not measured, and a run that is gone on with."""
        for problem in self.store.records()[1]:
            print(f"bench: warning: {problem.path}: {problem.message}; ignored", file=sys.stderr)
        if self._since is not None:
            began = f"{self._since:%Y-%m-%d %H:%M} UTC"
            print(f"bench: goes on with the run under --fresh that began at {began}", file=sys.stderr)

    def _expand(self, kind: DeviceKind) -> tuple[Cell, ...]:
        catalog = self.catalog
        cells = expand(self.suite, catalog.models, catalog.tasks, catalog.protocols, kind, self._limit)
        return tuple(self._with_weights(cell) for cell in cells)

    def _with_weights(self, cell: Cell) -> Cell:
        if cell.weights in {PUBLISHED, RANDOM}:
            return cell
        return cell.model_copy(update={"weights_digest": self._weights_digest(cell.weights)})

    @cached_property
    def planned(self) -> tuple[PlannedCell, ...]:
        """The selected cells, each ready, done or blocked."""
        chosen = select(self.cells, self._only)
        return assess(
            chosen,
            self._past,
            self._why_not,
            self._since or self._fresh,
            self._moved,
        )

    def _moved(self, cell: Cell, before: Past) -> str:
        why = moved(cell, before, self._here)
        if why or cell.measure != "accuracy":
            return why
        return self._obstacles.other_data(cell.task, before.data_listing)

    @cached_property
    def _since(self) -> datetime | None:
        return self.nights.interrupted(datetime.now(UTC)) if self._fresh else None

    @cached_property
    def _past(self) -> Mapping[str, Past]:
        return self.store.history(self.machine)

    @cached_property
    def _here(self) -> Mapping[str, Condition]:
        return present.known(self.device)

    @property
    def machine(self) -> str:
        """The folder name of this machine among the records."""
        return identity.machine_slug(self.device)

    @property
    def predictions_dir(self) -> Path:
        """Where predictions are kept, for suites that ask for it."""
        return self.results.absolute() / "local" / "predictions"

    @property
    def nights(self) -> Nights:
        """The nights of what is selected of this suite on this machine."""
        limit = [] if self._limit is None else [f"limit {self._limit}"]
        return Nights(self.results, self.suite.name, self.machine, [*self._only, *limit])

    def obstacle(self, cell: Cell) -> CellError | None:
        """Return the error that the cell would end with here, or None."""
        return self._obstacles.find(cell) or self._found_before(cell)

    def _found_before(self, cell: Cell) -> CellError | None:
        past = None if self._fresh else self._past.get(cell.key)
        return Unsupported(past.message) if past and still_unsupported(cell, past, self._here) else None

    @cached_property
    def _obstacles(self) -> Obstacles:
        return Obstacles(self.catalog.models, self.catalog.tasks, self.data_dir)

    def _why_not(self, cell: Cell) -> str | None:
        error, hint = self._obstacles.find(cell), ""
        if error is None:
            error, hint = self._found_before(cell), "; an earlier run found so, --fresh tries again"
        return None if error is None else f"{error.kind.replace('_', ' ')}: {error}{hint}"


def data_folder(asked: Path | None, of_suite: str | None) -> Path:
    """Return where data sets are looked for: option, then suite, then BENCH_DATA, then ./data."""
    return asked or Path(of_suite or os.environ.get("BENCH_DATA") or "data")

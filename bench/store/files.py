"""The folder of records: one immutable JSON file per attempt at a cell."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from bench.machine.identity import ANY_MACHINE
from bench.plan.state import Past
from bench.spec.errors import BadRecord, UserError
from bench.spec.record import Record
from bench.store import history
from bench.store.atomic import write_once
from bench.store.names import SUFFIX, relative_path
from bench.store.text import from_json, to_json
from bench.store.trouble import cannot_write
from bench.store.upgrade import upgrade

Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Problem:
    """A file among the records that cannot be read, and why; it is left where it is."""

    path: Path
    message: str


class Store:
    """The records below a results folder; `root / "records"` need not exist yet.

    What was read is kept: a file is read again only where its size or time of change is another.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "records"
        self._read: dict[Path, tuple[Stamp, Record]] = {}

    def write(self, record: Record) -> Path:
        """Store a record for good and return its path.

        Raises `UserError` naming the folder where it cannot be written or the record is
        already there, `BadRecord` for a number that is not finite; nothing half-written
        stays behind.
        """
        path = self.folder / relative_path(record)
        text = to_json(record)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_once(path, text)
        except FileExistsError:
            raise UserError(f"{path}: this record is already written, and records never change") from None
        except OSError as error:
            raise cannot_write(path.parent, error) from None
        return path

    def read(self, path: Path) -> Record:
        """Read one record.

        Raises `BadRecord` naming the file where it is truncated, not a record, or of a
        newer schema.
        """
        try:
            return _parse(path)
        except (ValueError, OSError) as error:
            raise BadRecord(f"{path}: {_reason(error)}") from None

    def records(self, machine: str | None = None) -> tuple[tuple[Record, ...], tuple[Problem, ...]]:
        """Return all records of one machine, or of all, in the order of their paths.

        A damaged file becomes a `Problem` and is skipped; a record of a newer schema raises
        `BadRecord`, since skipping it would measure its cell again.
        """
        records: list[Record] = []
        problems: list[Problem] = []
        with _no_collection():
            for path in self._paths(machine):
                try:
                    records.append(self._record(path))
                except (ValueError, OSError) as error:
                    problems.append(Problem(path, _reason(error)))
        return tuple(records), tuple(problems)

    def history(self, machine: str) -> Mapping[str, Past]:
        """Return what is known of each cell on one machine, by cell key.

        Results that are the same on every machine are known everywhere.
        That is the newest measured attempt, else the newest failed one. Damaged files are
        skipped; raises `BadRecord` for a newer schema.
        """
        return history.newest((*self.records(machine)[0], *self.records(ANY_MACHINE)[0]))

    def _record(self, path: Path) -> Record:
        found = path.stat()
        stamp = (found.st_size, found.st_mtime_ns)
        kept = self._read.get(path)
        if kept is None or kept[0] != stamp:
            kept = self._read[path] = (stamp, _parse(path))
        return kept[1]

    def _paths(self, machine: str | None) -> Iterator[Path]:
        pattern = f"{machine or '*'}/*/*{SUFFIX}"
        return iter(sorted(path for path in self.folder.glob(pattern) if not path.name.startswith(".")))


@contextmanager
def _no_collection() -> Iterator[None]:
    # all that is read stays: to look through it for garbage again and again, now or later, doubles the time
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # no cycles among records, so they are still freed when the last user lets go of them
        gc.freeze()
        if was_on:
            gc.enable()


def _parse(path: Path) -> Record:
    try:
        return Record.model_validate(upgrade(from_json(path.read_text(encoding="utf-8"))))
    except BadRecord as error:
        raise BadRecord(f"{path}: {error}") from None


def _reason(error: ValueError | OSError) -> str:
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"not a record: {'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"truncated or damaged: {error}"

"""When the night of a suite began, kept across the runs that it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from bench.spec.base import Spec
from bench.spec.cell import digest
from bench.store.atomic import replace
from bench.store.text import to_json
from bench.store.trouble import cannot_write


class Night(Spec):
    """The last night of a suite; `finished` is False from the start of a run to its regular end."""

    started_utc: AwareDatetime
    finished: bool = False


class Nights:
    """The nights of one suite on one machine; `local/nights/` of the results folder holds the last one.

    `selection` is what the options leave of the suite, as texts; every selection has nights of its
    own, so that a run of a part does not end the night of the whole.

    A night begins with the first run there is, and with every run under `--fresh`, unless the
    night before was interrupted or killed: then that one goes on. A run without `--fresh` only adds
    what is missing, so it belongs to the last night too. That way, what was measured before an
    interruption is compared with the preceding night and never taken for it.
    """

    def __init__(self, root: Path, suite: str, machine: str, selection: Sequence[str] = ()) -> None:
        part = f".{digest(sorted(selection))}" if selection else ""
        self._root = root
        self._path = root / "local" / "nights" / f"{suite}.{machine}{part}.json"

    def begin(self, now: datetime, *, fresh: bool) -> datetime:
        """Note that a run measures from `now` on, and return when its night began, to the millisecond.

        Raises `UserError` where the results folder cannot be written.
        """
        last = self._read()
        goes_on = last is not None and not (fresh and last.finished)
        night = Night(started_utc=last.started_utc if last and goes_on else _to_the_millisecond(now))
        self._write(night)
        return night.started_utc

    def last(self, now: datetime) -> datetime:
        """Return when the last night began, or `now` where there was none; writes nothing."""
        last = self._read()
        return _to_the_millisecond(now) if last is None else last.started_utc

    def finish(self) -> None:
        """Note that the run came to its regular end."""
        last = self._read()
        if last is not None and not last.finished:
            self._write(last.model_copy(update={"finished": True}))

    def _read(self) -> Night | None:
        try:
            return Night.model_validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return None

    def _write(self, night: Night) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace(self._path, to_json(night))
        except OSError as error:
            raise cannot_write(self._root, error) from None


def _to_the_millisecond(moment: datetime) -> datetime:
    # as the times of records are, which must not seem older than their night
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

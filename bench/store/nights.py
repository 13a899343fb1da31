"""When the night of a suite began, kept across the runs that it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from bench.spec.base import Spec
from bench.spec.cell import digest
from bench.store.atomic import replace
from bench.store.text import to_json
from bench.store.trouble import cannot_write

# shorter than from one night to the next: what was measured then is not what this night asks for
GOES_ON_FOR = timedelta(hours=20)


class Night(Spec):
    """The last night of a suite; `finished` is False from the start of a run to its regular end.

    `fresh_utc` is when the run under `--fresh` began that did not come to its end, if there is one.
    """

    started_utc: AwareDatetime
    finished: bool = False
    fresh_utc: AwareDatetime | None = None


class Nights:
    """The nights of one suite on one machine; `local/nights/` of the results folder holds the last one.

    `selection` is what the options leave of the suite, as texts; every selection has nights of its
    own, so that a run of a part does not end the night of the whole.

    A night begins with the first run there is, and with every run under `--fresh`, unless the
    night before was interrupted or killed: then that one goes on. A run without `--fresh` only adds
    what is missing, so it belongs to the last night too. That way, what was measured before an
    interruption is compared with the preceding night and never taken for it.

    A run under `--fresh` measures everything anew, but for what an interrupted one before it has.
    """

    def __init__(self, root: Path, suite: str, machine: str, selection: Sequence[str] = ()) -> None:
        part = f".{digest(sorted(selection))}" if selection else ""
        self._root = root
        self._path = root / "local" / "nights" / f"{suite}.{machine}{part}.json"

    def begin(self, now: datetime, *, fresh: bool) -> datetime:
        """Note that a run measures from `now` on, and return when its night began, to the millisecond.

        Raises `UserError` where the results folder cannot be written.
        """
        last, moment = self._read(), _to_the_millisecond(now)
        goes_on = last is not None and not (fresh and last.finished)
        since = self.interrupted(now)
        night = Night(
            started_utc=last.started_utc if last and goes_on else moment,
            fresh_utc=since or moment if fresh else since,
        )
        self._write(night)
        return night.started_utc

    def interrupted(self, now: datetime) -> datetime | None:
        """Return when the run under `--fresh` began that the next one goes on with; None where there is none.

        One that began long ago is not gone on with.
        """
        last = self._read()
        if last is None or last.fresh_utc is None or now - last.fresh_utc > GOES_ON_FOR:
            return None
        return last.fresh_utc

    def last(self, now: datetime) -> datetime:
        """Return when the last night began, or `now` where there was none; writes nothing."""
        last = self._read()
        return _to_the_millisecond(now) if last is None else last.started_utc

    def finish(self) -> None:
        """Note that the run came to its regular end."""
        last = self._read()
        if last is not None and not last.finished:
            self._write(last.model_copy(update={"finished": True, "fresh_utc": None}))

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

"""The highest of many readings, taken in a thread of its own while a block runs."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import Self


class Highest:
    """Reads at the start of a `with` block, every `interval_s` seconds, and at its end; keeps the highest.

    `highest` is None while `read` has given nothing but None; `readings` counts the others.
    """

    def __init__(self, read: Callable[[], int | None], interval_s: float) -> None:
        self._read, self._interval_s = read, interval_s
        self._over = Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self.highest: int | None = None
        self.readings = 0

    def __enter__(self) -> Self:
        self._take()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._take()

    def _watch(self) -> None:
        while not self._over.wait(self._interval_s):
            self._take()

    def _take(self) -> None:
        found = self._read()
        if found is not None:
            self.readings += 1
            self.highest = found if self.highest is None else max(found, self.highest)

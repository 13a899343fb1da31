"""Ctrl-C and SIGTERM as one clean interrupt that never falls into the writing of a record."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Raises `KeyboardInterrupt` once for SIGINT or SIGTERM; later ones are ignored.

    The handlers stand from `with Interrupts() as interrupts` to the end of that block, in
    the main thread only: elsewhere Python allows none, and the block runs without.
    """

    def __init__(self) -> None:
        self._wanted = self._raised = self._deferring = False

    def __enter__(self) -> Interrupts:
        main = threading.current_thread() is threading.main_thread()
        self._before = {number: signal.signal(number, self._handle) for number in SIGNALS} if main else {}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Hold an interrupt back until the block is done."""
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False
        self._raise_if_wanted()

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._wanted = True
        if not self._deferring:
            self._raise_if_wanted()

    def _raise_if_wanted(self) -> None:
        if self._wanted and not self._raised:
            self._raised = True
            raise KeyboardInterrupt

"""The time of day and the time passed, in a form that tests can set."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where a run gets its times from."""

    def utc(self) -> datetime:
        """Return the time of day, in UTC."""

    def passed_s(self) -> float:
        """Return seconds since some fixed moment; never goes back."""


class SystemClock:
    """The clock of this machine."""

    def utc(self) -> datetime:
        """Return the time of day, in UTC."""
        return datetime.now(UTC)

    def passed_s(self) -> float:
        """Return seconds since some fixed moment; never goes back."""
        return time.monotonic()

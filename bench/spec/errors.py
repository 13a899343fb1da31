"""Every exception the bench raises on purpose.

BenchError
    UserError                exit 2: suite, card, record or argument is wrong
        BadSuite             all mistakes of one suite file, each with line and path
        UnknownName          a name that no catalog holds; says the nearest one
        BadRecord            a stored record that cannot be read
        Busy                 another run holds the results folder
    CellError                ends one cell with a `Failed` outcome, never the run
        MissingData          the data set is not where it was looked for
        MissingWeights       the checkpoint is neither cached nor downloadable
        MissingExtra         an optional package is not installed
        Unsupported          this device or model cannot do what the cell asks
        BadData              the data set is there but is not what it should be
        BadWeights           the checkpoint file is not the one the card describes
        Incomplete           images were left out, so there is no score
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar

from bench.spec.record import FailureKind


class BenchError(Exception):
    """Root of all errors the bench raises on purpose."""


class UserError(BenchError):
    """Something the user gave is wrong; shown without a traceback, exit code 2."""


class BadSuite(UserError):
    """A suite file with mistakes, all of them in one message."""


class UnknownName(UserError):
    """A name that a catalog does not hold.

    The message names the kind of thing, the name, the nearest known name, and the remedy.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], remedy: str = "") -> None:
        self.kind, self.name, self.known = kind, name, tuple(known)
        near = did_you_mean(name, self.known)
        super().__init__(f"unknown {kind} {name!r}" + (f"; {remedy}" if remedy else "") + near)


class BadRecord(UserError):
    """A record file that is truncated, of a newer schema, or not a record."""


class Busy(UserError):
    """Another process is writing to the same results folder."""


class CellError(BenchError):
    """A cell cannot be measured; the message is for the user and names the remedy."""

    kind: ClassVar[FailureKind] = "error"


class MissingData(CellError):
    """The data set was not found in any of the places named in the message."""

    kind: ClassVar[FailureKind] = "missing_data"


class MissingWeights(CellError):
    """The checkpoint is neither in the cache nor downloadable from here."""

    kind: ClassVar[FailureKind] = "missing_weights"


class MissingExtra(CellError):
    """An optional package is not installed; the message says the install command."""

    kind: ClassVar[FailureKind] = "missing_extra"


class Unsupported(CellError):
    """The device, torch build or model cannot do what the cell asks."""

    kind: ClassVar[FailureKind] = "unsupported"


class BadData(CellError):
    """The data set was found but its count, classes, order or files are wrong."""

    kind: ClassVar[FailureKind] = "bad_data"


class BadWeights(CellError):
    """The checkpoint file does not hold the weights its card describes."""

    kind: ClassVar[FailureKind] = "bad_weights"


class Incomplete(CellError):
    """Not every image could be scored, so the cell has no score."""

    kind: ClassVar[FailureKind] = "incomplete"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `"; did you mean 'x'?"` for the nearest known name, or an empty string."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""

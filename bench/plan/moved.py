"""Whether what was found before holds on this machine as it is now."""

from __future__ import annotations

from collections.abc import Mapping

from bench.plan.state import Past
from bench.spec.cell import Cell, Measure
from bench.spec.comparability import Condition, conditions, named
from bench.spec.record import Host

HOLDS_EVERYWHERE: frozenset[Measure] = frozenset(("accuracy", "complexity"))


def moved(cell: Cell, past: Past, here: Mapping[str, Condition]) -> str:
    """Say how this machine differs from the one of a measured past; empty where the figure holds here.

    Speed and memory hold within one comparability class; accuracy and complexity hold anywhere.
    `here` maps fields of `Host` to what they are on this machine; one it lacks counts as recorded.
    """
    if cell.measure in HOLDS_EVERYWHERE or past.host is None:
        return ""
    was, has = _apart(past.host, here, cell.measure)
    return f"measured with {', '.join(was)}; this machine has {', '.join(has)}" if was else ""


def still_unsupported(cell: Cell, past: Past, here: Mapping[str, Condition]) -> bool:
    """Say whether a worker found that this very machine and software cannot do what the cell asks."""
    if past.reason != "unsupported" or past.host is None:
        return False
    return _apart(past.host, here, cell.measure) == ([], [])


def _apart(host: Host, here: Mapping[str, Condition], measure: Measure) -> tuple[list[str], list[str]]:
    """Return what differs, in words, as it was recorded and as it is here."""
    then, now = conditions(host, measure), conditions(host.model_copy(update=dict(here)), measure)
    names = [name for name in then | now if then.get(name) != now.get(name)]
    return [named(name, then.get(name)) for name in names], [named(name, now.get(name)) for name in names]

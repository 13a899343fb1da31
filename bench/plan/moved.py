"""Whether what was measured holds on this machine as it is now."""

from __future__ import annotations

from collections.abc import Mapping

from bench.plan.state import Past
from bench.spec.cell import Cell, Measure
from bench.spec.comparability import Condition, conditions, named

HOLDS_EVERYWHERE: frozenset[Measure] = frozenset(("accuracy", "complexity"))


def moved(cell: Cell, past: Past, here: Mapping[str, Condition]) -> str:
    """Say how this machine differs from the one of a measured past; empty where the figure holds here.

    Speed and memory hold within one comparability class; accuracy and complexity hold anywhere.
    `here` maps fields of `Host` to what they are on this machine; one it lacks counts as recorded.
    """
    if cell.measure in HOLDS_EVERYWHERE or past.host is None:
        return ""
    then = conditions(past.host, cell.measure)
    now = conditions(past.host.model_copy(update=dict(here)), cell.measure)
    apart = [name for name in then | now if then.get(name) != now.get(name)]
    if not apart:
        return ""
    was, has = (", ".join(named(name, each.get(name)) for name in apart) for each in (then, now))
    return f"measured with {was}; this machine has {has}"

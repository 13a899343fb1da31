"""The verb `plan`: the cells of a suite, and which of them can run here."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence

from bench.cli.text import columns, duration
from bench.cli.workspace import Workspace
from bench.plan.state import PlannedCell, as_json
from bench.report.words import plural

# a longer reason that several cells share stands once, below the table
LONG = 60


def main(arguments: Namespace) -> int:
    """Print the cells and their states; measures nothing and imports no torch."""
    workspace = Workspace(arguments)
    workspace.warn()
    planned = workspace.planned
    if arguments.json:
        json.dump(as_json(planned), sys.stdout, indent=1)
        print()
    else:
        print("\n\n".join([*_table(planned), f"{summary(planned)} on {workspace.device.name}"]))
    return 0


def summary(planned: Sequence[PlannedCell]) -> str:
    """Write how many cells are in which state, and how long the ready ones will take."""
    counts = Counter(cell.state for cell in planned)
    states = ", ".join(f"{counts[state]:,} {state}" for state in ("ready", "done", "blocked"))
    return f"{plural(len(planned), 'cell')}: {states}{_time(planned)}"


def _time(planned: Sequence[PlannedCell]) -> str:
    ready = [cell.estimate_s for cell in planned if cell.state == "ready"]
    known = [seconds for seconds in ready if seconds is not None]
    if not known:
        return ""
    unknown = len(ready) - len(known)
    rest = f", and {plural(unknown, 'cell')} of unknown time" if unknown else ""
    return f"; about {duration(sum(known))} to go{rest}"


def _table(planned: Sequence[PlannedCell]) -> Iterator[str]:
    """Yield the table, then the long reasons that several of its cells share."""
    cells = Counter(each.why for each in planned)
    shared = [why for why, count in cells.items() if count > 1 and len(why) > LONG]
    marks = {why: f"{_kind(why)} [{number}]".strip() for number, why in enumerate(shared, start=1)}
    rows = [_row(each, marks.get(each.why, each.why)) for each in planned]
    yield columns([("STATE", "TIME", "CELL", "WHY"), *rows], right={1})
    if shared:
        yield "\n".join(f"[{number}] {why}" for number, why in enumerate(shared, start=1))


def _kind(why: str) -> str:
    kind, colon, _ = why.partition(": ")
    return kind if colon else ""


def _row(planned: PlannedCell, why: str) -> tuple[str, str, str, str]:
    time = "" if planned.estimate_s is None else duration(planned.estimate_s)
    return planned.state, time, planned.cell.name, why

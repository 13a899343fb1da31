"""The verb `plan`: the cells of a suite, and which of them can run here."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence

from bench.cli.text import columns, duration
from bench.cli.workspace import Workspace
from bench.plan.state import PlannedCell, as_json
from bench.report.words import plural


def main(arguments: Namespace) -> int:
    """Print the cells and their states; measures nothing and imports no torch."""
    workspace = Workspace(arguments)
    workspace.warn()
    planned = workspace.planned
    if arguments.json:
        json.dump(as_json(planned), sys.stdout, indent=1)
        print()
    else:
        print(columns([("STATE", "TIME", "CELL", "WHY"), *map(_row, planned)], right={1}))
        print(f"\n{summary(planned)} on {workspace.device.name}")
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


def _row(planned: PlannedCell) -> tuple[str, str, str, str]:
    time = "" if planned.estimate_s is None else duration(planned.estimate_s)
    return planned.state, time, planned.cell.name, planned.why

"""The verb `run`: measure what is not measured yet, write the tables, judge the gates."""

from __future__ import annotations

import sys
from argparse import Namespace
from datetime import UTC, datetime

from bench.cli import plan
from bench.cli.judge import evidence
from bench.cli.progress import Progress, Silence
from bench.cli.sets import make_sets
from bench.cli.tables import write_tables
from bench.cli.workspace import Workspace
from bench.compare.gate import failed_comparisons
from bench.report.words import plural
from bench.run.launcher import ForkserverLauncher
from bench.run.recipe import Recipe
from bench.run.schedule import Ports, execute
from bench.run.summary import INTERRUPTED, Summary, exit_code
from bench.spec.errors import UserError

COMPARISON_FAILED = 3


def main(arguments: Namespace) -> int:
    """Run a suite and return the exit code of the whole.

    Gates are judged unless the run was interrupted; a failed cell wins over a failed gate.
    """
    if arguments.plan:
        return plan.main(arguments)
    if arguments.json:
        raise UserError("--json goes with --plan; records are JSON files already, below --results")
    workspace = Workspace(arguments)
    workspace.warn()
    began = _begin(workspace, fresh=arguments.fresh)
    summary = _measure(workspace, quiet=arguments.quiet)
    path = write_tables(workspace)
    _say(workspace, summary, quiet=arguments.quiet)
    print(path)
    code = exit_code(summary, strict=arguments.strict)
    if code == INTERRUPTED:
        return code
    workspace.nights.finish()
    judged = _judge(workspace, began)
    return code or judged


def _begin(workspace: Workspace, *, fresh: bool) -> datetime:
    """Return when the night began that this run belongs to; see `bench.store.nights`."""
    now, nights = datetime.now(UTC), workspace.nights
    measures = any(cell.state != "done" for cell in workspace.planned)
    if measures and (fresh or "last_night" in workspace.suite.gates):
        return nights.begin(now, fresh=fresh)
    return nights.last(now)


def _measure(workspace: Workspace, *, quiet: bool) -> Summary:
    planned = workspace.planned
    ready = [cell.cell for cell in planned if cell.state == "ready"]
    make_sets(ready, workspace.catalog.tasks, workspace.data_dir, quiet=quiet)
    launcher = ForkserverLauncher()
    if ready:
        launcher.warm_up()
    observer = Silence() if quiet else Progress(len(planned))
    ports = Ports(workspace.store, launcher, observer)
    try:
        return execute(planned, workspace.suite.name, _recipe(workspace), workspace.obstacle, ports)
    finally:
        observer.close()


def _recipe(workspace: Workspace) -> Recipe:
    catalog, limits, scoring = workspace.catalog, workspace.suite.limits, workspace.suite.scoring
    return Recipe(
        models=catalog.models,
        tasks=catalog.tasks,
        protocols=catalog.protocols,
        data_dir=workspace.data_dir,
        device=workspace.device,
        limit_s=limits.cell_s,
        allowed_corrupt=limits.corrupt_images,
        loader_workers=limits.loader_workers,
        eval_batch=limits.eval_batch,
        evaluator=scoring.evaluator,
        keep_dir=workspace.predictions_dir if scoring.keep_predictions else None,
    )


def _say(workspace: Workspace, summary: Summary, *, quiet: bool) -> None:
    for name in summary.failed:
        log = summary.logs.get(name)
        where = f"; its output: {log}" if log is not None and log.is_file() else ""
        print(f"bench: failed: {name}{where}", file=sys.stderr)
    if quiet:
        return
    counts = {
        "measured": summary.measured,
        "already done": summary.skipped_done,
        "blocked": summary.blocked,
        "failed": summary.failed,
    }
    text = ", ".join(
        f"{len(names):,} {what}" for what, names in counts.items() if names or what == "measured"
    )
    ending = "; interrupted, the same command goes on from here" if summary.interrupted else ""
    print(f"{plural(len(workspace.planned), 'cell')}: {text}{ending}", file=sys.stderr)


def _judge(workspace: Workspace, began: datetime) -> int:
    gates = workspace.suite.gates
    if not gates:
        return 0
    found = evidence(workspace.planned, workspace.records, workspace.machine, began)
    failures = failed_comparisons(gates, found.newest, workspace.reported, found.tonight, found.earlier)
    for line in failures:
        print(f"bench: comparison failed: {line}", file=sys.stderr)
    return COMPARISON_FAILED if failures else 0

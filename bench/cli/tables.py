"""Writes the report of a suite beside its records."""

from __future__ import annotations

from pathlib import Path

from bench.cli.workspace import Workspace
from bench.report.markdown import report
from bench.store.atomic import replace
from bench.store.trouble import cannot_write


def write_tables(workspace: Workspace) -> Path:
    """Write `<results>/<suite>.md` from all stored records of the suite's cells; return its path.

    Raises `UserError` where the folder cannot be written; the records are there all the same.
    """
    suite = workspace.suite
    text = report(
        suite.name, suite.description, workspace.reported_cells, workspace.records, workspace.reported
    )
    path = workspace.results / f"{suite.name}.md"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, text)
    except OSError as error:
        raise cannot_write(path.parent, error) from None
    return path

"""Writes the report of a suite beside its records."""

from __future__ import annotations

from pathlib import Path

from bench.cli.workspace import Workspace
from bench.report.markdown import report
from bench.report.words import plural
from bench.spec.errors import UserError
from bench.store.atomic import replace
from bench.store.trouble import cannot_write


def write_tables(workspace: Workspace) -> Path:
    """Write `<results>/<suite>.md` from all stored records of the suite's cells; return its path.

    Under `--limit N` the cells are others, so the report is `<suite>-limit<N>.md` and that of
    full runs stays as it is. Raises `UserError` where the folder cannot be written; the
    records are there all the same.
    """
    suite, limit = workspace.suite, workspace.limit_images
    title, name = suite.name, suite.name
    if limit is not None:
        title, name = f"{suite.name}, at most {plural(limit, 'image')} scored", f"{suite.name}-limit{limit}"
    cells = workspace.reported_cells
    text = report(title, suite.description, cells, workspace.records, workspace.reported)
    path = workspace.results / f"{name}.md"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, text)
    except OSError as error:
        raise UserError(f"{cannot_write(path, error)}; all records are kept") from None
    return path

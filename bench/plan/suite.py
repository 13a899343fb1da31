"""Reads a suite file and reports all its mistakes at once."""

from __future__ import annotations

from pathlib import Path

from bench.catalog.read import Catalog
from bench.plan.document import read_document
from bench.plan.grammar import Choices, Limits, Override, Size, Suite, Sweep
from bench.plan.mistakes import bad_suite
from bench.plan.names import name_mistakes
from bench.plan.shape import parse

__all__ = ["Choices", "Limits", "Override", "Size", "Suite", "Sweep", "read_suite"]


def read_suite(path: Path, catalog: Catalog) -> Suite:
    """Return the suite in a YAML file, checked against the catalog.

    Raises `BadSuite` with one line per mistake, `FILE:LINE: sweeps.0.task: what is wrong;
    allowed: ...; did you mean ...?`, in the order of the lines.
    """
    document = read_document(path)
    suite, wrong_fields = parse(document.value)
    mistakes = [*document.mistakes, *wrong_fields, *name_mistakes(document.value, catalog)]
    if suite is None or mistakes:
        raise bad_suite(path, document.lines, mistakes)
    return suite

"""The verb `doctor`: what this machine can run, and what is missing."""

from __future__ import annotations

from argparse import Namespace

from bench.catalog import read
from bench.cli.text import columns
from bench.cli.workspace import data_folder
from bench.machine.checks import Check, run_checks


def main(arguments: Namespace) -> int:
    """Print one line per check; the remedy stands on the same line as what is missing."""
    checks = run_checks(
        read.every_model(), read.tasks(), data_folder(arguments.data, None), arguments.results
    )
    print(columns([_row(check) for check in checks]))
    return 0


def _row(check: Check) -> tuple[str, str, str]:
    text = check.found if check.ok else f"{check.found}: {check.remedy}"
    return ("ok" if check.ok else "--", check.name, text)

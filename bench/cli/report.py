"""The verb `report`: the tables of a suite, from what is stored."""

from __future__ import annotations

from argparse import Namespace

from bench.cli.tables import write_tables
from bench.cli.workspace import Workspace


def main(arguments: Namespace) -> int:
    """Write the tables and print where they are; measures nothing."""
    workspace = Workspace(arguments)
    workspace.warn()
    print(write_tables(workspace))
    return 0

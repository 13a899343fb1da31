"""The verb `complexity`: parameters and MACs of one checkpoint, counted in a worker process."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import JsonValue

from bench.catalog import read
from bench.cli.text import columns
from bench.machine import identity
from bench.run.launcher import ForkserverLauncher
from bench.run.recipe import Recipe
from bench.spec.card import ModelCard
from bench.spec.cell import Cell
from bench.spec.errors import UnknownName
from bench.spec.job import Job, Report
from bench.spec.record import Measured

TASK, PROTOCOL = "imagenet", "house"
LIMIT_S = 600
FAILED = 1


def main(arguments: Namespace) -> int:
    """Print what was counted, as a table or as JSON; exit code 1 where it could not be counted."""
    catalog = read.catalog()
    card = catalog.models.get(arguments.key)
    if card is None:
        raise UnknownName("checkpoint", arguments.key, catalog.models)
    height_px, width_px = arguments.size or (card.height_px, card.width_px)
    with TemporaryDirectory() as folder:
        job = _job(catalog, card, height_px, width_px)
        ended = ForkserverLauncher().launch(job, Path(folder) / "log")
    outcome = ended.outcome if isinstance(ended, Report) else ended
    if not isinstance(outcome, Measured):
        print(f"bench: {card.key} at {height_px}x{width_px}: {outcome.message}", file=sys.stderr)
        return FAILED
    counted = as_json(card, job.cell, outcome)
    print(json.dumps(counted, indent=2) if arguments.json else _table(counted))
    return 0


def as_json(card: ModelCard, cell: Cell, outcome: Measured) -> dict[str, JsonValue]:
    """Return the counts with the size they hold for, and all the detail of both counters."""
    return {
        "key": card.key,
        "height_px": cell.height_px,
        "width_px": cell.width_px,
        **outcome.values,
        **outcome.details,
    }


def _job(catalog: read.Catalog, card: ModelCard, height_px: int, width_px: int) -> Job:
    cell = Cell(
        checkpoint=card.key,
        task=TASK,
        task_digest=catalog.tasks[TASK].content_digest,
        height_px=height_px,
        width_px=width_px,
        precision="fp32",
        measure="complexity",
        device="cpu",
        protocol=PROTOCOL,
        protocol_digest=catalog.protocols[PROTOCOL].content_digest,
    )
    device = identity.resolve_device("cpu")
    recipe = Recipe(catalog.models, catalog.tasks, catalog.protocols, Path(), device, LIMIT_S)
    return recipe.job(cell)


def _table(counted: dict[str, JsonValue]) -> str:
    rows = [
        (name, f"{value:,}" if isinstance(value, int) else str(value))
        for name, value in counted.items()
        if isinstance(value, int | float | str)
    ]
    lists = [
        (name, json.dumps(value))
        for name, value in counted.items()
        if not isinstance(value, int | float | str)
    ]
    return columns([*rows, *lists])

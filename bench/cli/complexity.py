"""The verb `complexity`: parameters and MACs of one checkpoint, counted in a worker process."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import JsonValue

from bench.catalog import read
from bench.cli.text import columns
from bench.machine import identity
from bench.machine.obstacle import Obstacles
from bench.plan.expand import expand
from bench.plan.grammar import Size, Suite, Sweep
from bench.run.launcher import ForkserverLauncher
from bench.run.recipe import Recipe
from bench.spec.card import Kind, ModelCard
from bench.spec.cell import Cell
from bench.spec.errors import UnknownName, UserError
from bench.spec.job import Report
from bench.spec.record import Measured, Outcome

TASKS: Mapping[Kind, str] = {"classification": "imagenet", "detection": "coco", "segmentation": "ade20k"}
LIMIT_S = 600
FAILED = 1


def main(arguments: Namespace) -> int:
    """Print what was counted, as a table or as JSON; exit code 1 where it could not be counted.

    Raises `UserError` for a key that the catalog does not hold and a size that the network does not take.
    """
    catalog = read.catalog()
    card = catalog.models.get(arguments.key)
    if card is None:
        raise UnknownName("checkpoint", arguments.key, catalog.models, "`bench models` lists them all")
    cell = _cell(catalog, card, arguments.size)
    obstacle = Obstacles(catalog.models, catalog.tasks, Path()).find(cell)
    if obstacle is not None:
        raise UserError(str(obstacle))
    outcome = _count(catalog, cell)
    if not isinstance(outcome, Measured):
        message = f"{card.key} at {cell.height_px}x{cell.width_px}: {outcome.message}"
        if outcome.reason == "unsupported":
            raise UserError(message)
        own_size = arguments.size is None
        hint = "" if own_size else f"; it was published at {card.height_px}x{card.width_px}"
        print(f"bench: {message}{hint}", file=sys.stderr)
        return FAILED
    counted = as_json(card, cell, outcome)
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


def _cell(catalog: read.Catalog, card: ModelCard, size: tuple[int, int] | None) -> Cell:
    height_px, width_px = size or (card.height_px, card.width_px)
    sweep = Sweep(
        models=(card.key,),
        task=TASKS[card.kind],
        resolutions=(Size(height_px=height_px, width_px=width_px),),
        measures=("complexity",),
    )
    suite = Suite(name="complexity", sweeps=(sweep,))
    (cell,) = expand(suite, catalog.models, catalog.tasks, catalog.protocols, "cpu", None)
    return cell


def _count(catalog: read.Catalog, cell: Cell) -> Outcome:
    device = identity.resolve_device("cpu")
    recipe = Recipe(catalog.models, catalog.tasks, catalog.protocols, Path(), device, LIMIT_S)
    with TemporaryDirectory() as folder:
        ended = ForkserverLauncher().launch(recipe.job(cell), Path(folder) / "log")
    return ended.outcome if isinstance(ended, Report) else ended


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

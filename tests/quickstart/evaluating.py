"""Evaluates what the quickstart does, in this process, and holds it against the registry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from bench.catalog.read import catalog
from bench.catalog.reported import reported
from bench.compare.gate import failed_comparisons
from bench.compare.pairing import Claim, claims
from bench.machine.identity import resolve_device
from bench.plan.expand import expand
from bench.plan.suite import Suite, read_suite
from bench.run.provenance import Scribe, Timing
from bench.run.recipe import Recipe
from bench.spec.cell import Cell
from bench.spec.record import Record
from bench.worker.main import run

SUITE = Path(__file__).parents[2] / "suites" / "quickstart.yaml"


@cache
def suite() -> Suite:
    return read_suite(SUITE, catalog())


@cache
def cells() -> Mapping[str, Cell]:
    """Return the cell of every model whose accuracy the quickstart measures."""
    known = catalog()
    planned = expand(suite(), known.models, known.tasks, known.protocols, "cpu", None)
    return {cell.checkpoint: cell for cell in planned if cell.measure == "accuracy"}


def evaluate(model: str, data: Path) -> Record:
    """Score a model on all images of its task, as a worker does."""
    known, limits, device = catalog(), suite().limits, resolve_device("cpu")
    recipe = Recipe(
        known.models,
        known.tasks,
        known.protocols,
        data,
        device,
        limit_s=limits.cell_s,
        eval_batch=limits.eval_batch,
    )
    job = recipe.job(cells()[model])
    return _scribe().record(job, run(job), Timing(datetime.now(UTC), 0.0))


def compared(record: Record) -> tuple[Claim, ...]:
    """Return the figures to which the registry has an answer, with their verdicts."""
    return tuple(claim for claim in claims(record, reported()) if claim.reported is not None)


def failures(record: Record) -> tuple[str, ...]:
    """Return what the gates of the quickstart say."""
    return failed_comparisons(suite().gates, newest=[record], reported=reported())


@cache
def _scribe() -> Scribe:
    return Scribe("quickstart", resolve_device("cpu"))

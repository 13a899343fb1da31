"""Jobs of the real catalog for fake workers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.catalog import read
from bench.machine.identity import Device
from bench.run.recipe import Recipe
from bench.spec.cell import Cell
from bench.spec.job import Job

FAKES = Path(__file__).parent / "fakes"
MakeCell = Callable[..., Cell]
MakeJob = Callable[..., Job]


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the fake workers importable, also for worker processes."""
    monkeypatch.syspath_prepend(str(FAKES))
    return FAKES


def build_cell(height_px: int = 224, **fields: object) -> Cell:
    values = {
        "checkpoint": "mambaout_femto",
        "task": "quickstart",
        "task_digest": "0" * 12,
        "height_px": height_px,
        "width_px": 224,
        "precision": "fp32",
        "measure": "throughput",
        "device": "cpu",
        "protocol": "house",
        "protocol_digest": "0" * 12,
    }
    return Cell.model_validate(values | fields)


@pytest.fixture
def make_cell() -> MakeCell:
    return build_cell


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    device = Device("cpu", 0, "AMD EPYC")
    return Recipe(read.models(), read.tasks(), read.protocols(), tmp_path, device, limit_s=60)


@pytest.fixture
def make_job(recipe: Recipe) -> MakeJob:
    def make(limit_s: float = 60, height_px: int = 224) -> Job:
        return recipe.job(build_cell(height_px)).model_copy(update={"limit_s": limit_s})

    return make

"""A large suite and many records, for timing the harness itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.catalog import read
from bench.machine.identity import Device
from bench.plan.expand import expand
from bench.plan.suite import Suite, read_suite
from bench.run.clock import SystemClock
from bench.run.provenance import Scribe, Timing
from bench.run.recipe import Recipe
from bench.spec.cell import Cell
from bench.spec.job import Report
from bench.spec.record import Host, Measured, Record

SIZES = [32 * number for number in range(1, 101)]
SUITE = f"""
name: large
sweeps:
  - models: ["*"]
    task: imagenet
    resolutions: {SIZES}
    precisions: [fp32, amp_fp16]
    measures: [throughput, memory]
"""


@pytest.fixture(scope="session")
def large_suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    """Return a suite of some 10,000 cells: every checkpoint at 100 sizes in two precisions."""
    path = tmp_path_factory.mktemp("suite") / "large.yaml"
    path.write_text(SUITE, encoding="utf-8")
    return read_suite(path, read.catalog())


@pytest.fixture(scope="session")
def many_cells(large_suite: Suite) -> tuple[Cell, ...]:
    return expand(large_suite, read.models(), read.tasks(), read.protocols(), "cpu", None)


@pytest.fixture(scope="session")
def many_records(many_cells: tuple[Cell, ...]) -> tuple[Record, ...]:
    """Return a measured record for each of the first 1,000 cells."""
    return tuple(_records(many_cells[:1000]))


def _records(cells: tuple[Cell, ...]) -> Iterator[Record]:
    device = Device("cpu", 0, "AMD EPYC")
    recipe = Recipe(read.models(), read.tasks(), read.protocols(), Path(), device, limit_s=60)
    scribe, timing = Scribe("large", device), Timing(SystemClock().utc(), 1.0)
    host = Host(machine="cpu", device="cpu", cpu="AMD EPYC", cpu_count=2, os="Linux", python="3.12.0")
    values = {"throughput_img_s": 10.0, "step_s": 0.4, "step_iqr_s": 0.001, "peak_process_bytes": 1 << 30}
    outcome = Measured(values=values, samples={"window_step_s": (0.4,) * 40})
    for cell in cells:
        yield scribe.record(recipe.job(cell), Report(outcome=outcome, host=host), timing)

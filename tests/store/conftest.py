"""Builds records for the tests of the store."""

from collections.abc import Callable

import pytest

from bench.spec.record import Failed, Host, Measured, Record
from tests.records import make_cell
from tests.records import make_record as record_of

MakeRecord = Callable[..., Record]


def build(
    outcome: Measured | Failed | None = None,
    *,
    checkpoint: str = "tiny",
    started: str = "2026-03-04T05:06:07.089+00:00",
    machine: str = "cpu-x-2-cores",
    height_px: int = 224,
    wall_s: float = 12.5,
    weights: str = "random",
) -> Record:
    """Return a record of throughput on a CPU; the checkpoint need not be in the catalog."""
    cell = make_cell(
        "resnet18",
        "throughput",
        task_digest="0" * 12,
        height_px=height_px,
        device="cpu",
        protocol_digest="0" * 12,
        weights=weights,
    )
    record = record_of(
        cell,
        outcome or Measured(values={"img_s": 100.5}, samples={"window_s": (0.1, 0.2)}, flags=("cpu_bound",)),
        at=started,
        host=Host(machine=machine, device="cpu", cpu="X", cpu_count=2, os="Linux", python="3.11.7"),
        provenance={"wall_s": wall_s, "git_commit": "c" * 40},
    )
    own = cell.model_copy(update={"checkpoint": checkpoint})
    return record.model_copy(update={"cell": own, "cell_key": own.key})


@pytest.fixture
def make_record() -> MakeRecord:
    return build

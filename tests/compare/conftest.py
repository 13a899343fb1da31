"""Records as short as a test of comparisons needs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from bench.catalog.reported import Reported
from bench.spec.cell import Measure
from bench.spec.record import Failed, Measured, Record
from tests import records

MakeRecord = Callable[..., Record]
MakeReported = Callable[..., Reported]


@pytest.fixture(name="record")
def record_fixture() -> MakeRecord:
    """Return a builder: measure, values, fields of the host and of the cell."""

    def make(
        measure: Measure = "accuracy",
        values: Mapping[str, float] | None = None,
        *,
        checkpoint: str = "mambaout_tiny",
        at: str = "2026-05-01T01:00:00.000+00:00",
        host: Mapping[str, object] | None = None,
        switches: Mapping[str, bool] | None = None,
        outcome: Measured | Failed | None = None,
        **cell: Any,
    ) -> Record:
        box = records.GPU_BOX.model_copy(update=dict(host or {}))
        made = records.make_cell(checkpoint, measure, **cell)
        source = {"switches": dict(switches or {})}
        return records.make_record(made, outcome or values or {}, at=at, host=box, provenance=source)

    return make


@pytest.fixture(name="row")
def row_fixture() -> MakeReported:
    return records.make_reported

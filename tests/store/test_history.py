"""What became of each cell so far, quickly."""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bench.plan.state import Past
from bench.spec.record import Failed, Host, Measured, Record
from bench.store.files import Store
from bench.store.names import relative_path
from bench.store.text import to_json

MakeRecord = Callable[..., Record]
CRASH = Failed(reason="crash", message="m")
TIMEOUT = Failed(reason="timeout", message="m")
# of the records that say nothing else
START = "2026-03-04T05:06:07.089+00:00"
MEASURED = Measured(values={"img_s": 1.0}, details={"kind": "failed", "reason": "none"})


def day(number: int) -> str:
    return f"2026-03-{number:02}T00:00:00+00:00"


def known(started: str = START, **fields: Any) -> Past:
    """Return what is known of a cell, with the host of the records that these tests write."""
    return Past(
        **fields,
        started=datetime.fromisoformat(started),
        host=Host(machine="cpu-x-2-cores", device="cpu", cpu="X", cpu_count=2, os="Linux", python="3.11.7"),
    )


@pytest.mark.parametrize(
    ("attempts", "past"),
    [
        ([CRASH], known(day(1), measured=False, reason="crash", wall_s=1.0, message="m")),
        ([MEASURED], known(day(1), measured=True, reason=None, wall_s=1.0)),
        ([CRASH, TIMEOUT], known(day(2), measured=False, reason="timeout", wall_s=2.0, message="m")),
        ([MEASURED, MEASURED], known(day(2), measured=True, reason=None, wall_s=2.0)),
        ([MEASURED, CRASH, TIMEOUT], known(day(1), measured=True, reason=None, wall_s=1.0)),
        ([CRASH, MEASURED, TIMEOUT], known(day(2), measured=True, reason=None, wall_s=2.0)),
    ],
)
def test_newest_measured_else_newest_failed(
    tmp_path: Path, make_record: MakeRecord, attempts: list[Measured | Failed], past: Past
) -> None:
    store = Store(tmp_path)
    for number, outcome in enumerate(attempts, start=1):
        store.write(make_record(outcome, started=day(number), wall_s=float(number)))
    assert store.history("cpu-x-2-cores") == {make_record().cell_key: past}


def test_cells_and_machines_are_kept_apart(tmp_path: Path, make_record: MakeRecord) -> None:
    store = Store(tmp_path)
    store.write(make_record())
    store.write(make_record(CRASH, height_px=288))
    store.write(make_record(machine="other"))
    assert store.history("cpu-x-2-cores") == {
        make_record().cell_key: known(measured=True, reason=None, wall_s=12.5),
        make_record(height_px=288).cell_key: known(measured=False, reason="crash", wall_s=12.5, message="m"),
    }


@pytest.mark.parametrize("text", ["{", "[]", '{"schema_version": 1}', '{"schema_version": 1, "outcome": 3}'])
def test_a_damaged_attempt_is_none(tmp_path: Path, make_record: MakeRecord, text: str) -> None:
    store = Store(tmp_path)
    store.write(make_record(started=day(1)))
    damaged = store.write(make_record(started=day(2)))
    damaged.write_text(text)
    store.write(make_record(started=day(1), height_px=288)).write_text(text)
    assert store.history("cpu-x-2-cores") == {
        make_record().cell_key: known(day(1), measured=True, reason=None, wall_s=12.5)
    }


@pytest.mark.timing
def test_ten_thousand_records_in_a_blink(tmp_path: Path, make_record: MakeRecord) -> None:
    store = Store(tmp_path)
    outcome = Measured(
        values={f"value_{number}": 1.5 * number for number in range(20)},
        samples={"window_s": tuple(0.2 + number / 1e4 for number in range(40))},
        details={"bits": "0f" * 2000},
    )
    record = make_record(outcome)
    text, path = to_json(record), store.folder / relative_path(record)
    for number in range(10_000):
        folder = store.folder / record.host.machine / f"model_{number % 50}"
        if number < 50:
            folder.mkdir(parents=True)
        key = f"{number:012x}"
        (folder / path.name.replace(record.cell_key, key)).write_text(text.replace(record.cell_key, key))
    before_s = time.process_time()
    history = store.history(record.host.machine)
    passed_s = time.process_time() - before_s
    assert len(history) == 10_000
    assert all(past == known(measured=True, reason=None, wall_s=12.5) for past in history.values())
    assert passed_s < 1.5


def test_an_older_schema_and_this_one_are_the_same_cell(tmp_path: Path, make_record: MakeRecord) -> None:
    store = Store(tmp_path)
    newer = make_record(CRASH, started=day(2))
    card_digest = newer.provenance.card.digest_for("throughput")
    cell = newer.cell.model_copy(update={"card_digest": card_digest})
    store.write(newer.model_copy(update={"cell": cell, "cell_key": cell.key}))
    older = store.write(make_record(MEASURED, started=day(1)))
    older.write_text(older.read_text().replace('"schema_version": 2', '"schema_version": 1'))
    assert store.history("cpu-x-2-cores") == {
        cell.key: known(day(1), measured=True, reason=None, wall_s=12.5)
    }

"""A night lasts from the start of its first run to the regular end of its last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.spec.errors import UserError
from bench.store.nights import Nights


def at(hour: int, microsecond: int = 0) -> datetime:
    return datetime(2026, 3, 4, hour, 0, 0, microsecond, UTC)


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return Nights(tmp_path, "nightly", "cpu-x-2-cores")


def test_a_fresh_run_after_a_finished_night_begins_the_next(nights: Nights) -> None:
    assert nights.begin(at(1), fresh=True) == at(1)
    nights.finish()
    assert nights.begin(at(2), fresh=True) == at(2)
    assert nights.last(at(9)) == at(2)


def test_a_night_that_was_not_finished_goes_on(nights: Nights) -> None:
    nights.begin(at(1), fresh=True)
    assert nights.begin(at(2), fresh=True) == at(1)
    assert nights.begin(at(3), fresh=False) == at(1)
    nights.finish()
    assert nights.begin(at(4), fresh=True) == at(4)


def test_without_fresh_a_run_adds_to_the_last_night_and_may_be_interrupted_itself(nights: Nights) -> None:
    assert nights.begin(at(1), fresh=False) == at(1)
    nights.finish()
    assert nights.begin(at(2), fresh=False) == at(1)
    assert nights.begin(at(3), fresh=True) == at(1)


def test_the_start_is_no_later_than_records_of_the_same_millisecond(nights: Nights) -> None:
    assert nights.begin(at(1, 89_999), fresh=True) == at(1, 89_000)
    assert nights.last(at(5)) == at(1, 89_000)


def test_without_a_night_nothing_is_written(nights: Nights, tmp_path: Path) -> None:
    assert nights.last(at(1)) == at(1)
    nights.finish()
    assert list(tmp_path.iterdir()) == []


def test_suites_machines_and_selections_have_nights_of_their_own(tmp_path: Path) -> None:
    Nights(tmp_path, "nightly", "h100").begin(at(1), fresh=True)
    for number, other in enumerate(
        [
            Nights(tmp_path, "nightly", "a100"),
            Nights(tmp_path, "imagenet", "h100"),
            Nights(tmp_path, "nightly", "h100", ["*/throughput"]),
        ],
        start=2,
    ):
        assert other.begin(at(number), fresh=True) == at(number)
    one, same = (Nights(tmp_path, "nightly", "h100", globs) for globs in (["a", "b"], ["b", "a"]))
    assert (one.begin(at(6), fresh=True), same.begin(at(7), fresh=True)) == (at(6), at(6))


def test_a_run_under_fresh_that_was_interrupted_goes_on_for_a_while(nights: Nights) -> None:
    assert nights.interrupted(at(1)) is None
    nights.begin(at(1, 5_000), fresh=True)
    assert nights.interrupted(at(2)) == at(1, 5_000)
    nights.begin(at(2), fresh=True)
    nights.begin(at(3), fresh=False)
    assert nights.interrupted(at(4)) == at(1, 5_000)
    assert nights.interrupted(at(4) + timedelta(days=1)) is None
    nights.finish()
    assert nights.interrupted(at(4)) is None
    # what only added to a night was not begun anew
    nights.begin(at(5), fresh=False)
    assert nights.interrupted(at(6)) is None
    assert nights.begin(at(7), fresh=True) == at(1, 5_000)
    assert nights.interrupted(at(8)) == at(7)


def test_a_run_that_was_interrupted_long_ago_starts_over(nights: Nights) -> None:
    nights.begin(at(1), fresh=True)
    tomorrow = at(1) + timedelta(days=1)
    assert nights.begin(tomorrow, fresh=True) == at(1)
    assert nights.interrupted(tomorrow) == tomorrow


def test_a_damaged_file_counts_as_no_night(nights: Nights, tmp_path: Path) -> None:
    nights.begin(at(1), fresh=True)
    (path,) = (tmp_path / "local" / "nights").iterdir()
    assert path.name == "nightly.cpu-x-2-cores.json"
    path.write_text("{")
    assert nights.begin(at(2), fresh=False) == at(2)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("")
    with pytest.raises(UserError, match="taken: cannot write results: Not a directory; make it writable"):
        Nights(taken, "nightly", "h100").begin(at(1), fresh=True)

"""The highest of many readings, taken beside a block that runs."""

import threading
import time

from bench.probes.highest import Highest


def test_what_was_high_for_a_moment_only_is_kept() -> None:
    used = {"bytes": 10}
    with Highest(lambda: used["bytes"], interval_s=0.001) as seen:
        used["bytes"] = 70
        time.sleep(0.1)
        used["bytes"] = 20
        time.sleep(0.01)
    assert seen.highest == 70
    assert seen.readings > 10


def test_the_start_and_the_end_are_read_whatever_the_interval() -> None:
    values = iter([5, 9])
    with Highest(lambda: next(values), interval_s=60.0) as seen:
        assert seen.highest == 5
    assert (seen.highest, seen.readings) == (9, 2)


def test_what_cannot_be_read_has_no_highest() -> None:
    with Highest(lambda: None, interval_s=0.001) as seen:
        time.sleep(0.005)
    assert (seen.highest, seen.readings) == (None, 0)


def test_no_thread_is_left_behind_also_after_an_error() -> None:
    before = threading.active_count()
    try:
        with Highest(lambda: 1, interval_s=0.001):
            raise MemoryError
    except MemoryError:
        pass
    assert threading.active_count() == before

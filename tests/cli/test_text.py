"""What a person reads in a terminal."""

import pytest

from bench.cli.text import columns, duration


def test_columns_are_aligned_and_end_without_spaces() -> None:
    assert columns([("A", "N"), ("long", "7"), ("b", "10")], right={1}) == "A      N\nlong   7\nb     10"
    assert columns([("a", "b"), ("long", "")]) == "a     b\nlong"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text

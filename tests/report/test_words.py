"""Words for what records hold as keys."""

from __future__ import annotations

from bench.report.words import plural


def test_plural() -> None:
    assert (plural(1, "cell"), plural(1200, "cell")) == ("1 cell", "1,200 cells")

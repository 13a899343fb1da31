"""Markdown of a table and what could break it."""

from __future__ import annotations

import pytest

from bench.report.grid import escape, grid
from bench.report.table import Footnotes, Table, columns


def test_a_table_is_aligned_in_its_source() -> None:
    table = Table(
        "T", columns(("Name",), ("N",), ()), (("a|b", "1,000"), ("c", "2")), "How to read.", ("why",)
    )
    assert grid(table) == (
        "### T\n\nHow to read.\n\n"
        "| Name |     N |\n"
        "| ---- | ----: |\n"
        "| a\\|b | 1,000 |\n"
        "| c    |     2 |\n\n"
        "- [1] why"
    )


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a|b", "a\\|b"),
        ("two\n lines ", "two lines"),
        ("<img src=x>", "\\<img src=x>"),
        ("VMamba-B*", "VMamba-B\\*"),
        ("back\\slash `code`", "back\\\\slash \\`code\\`"),
        ("plain_name", "plain_name"),
    ],
)
def test_escape(text: str, safe: str) -> None:
    assert escape(text) == safe


def test_a_table_without_rows_or_notes_still_renders() -> None:
    assert grid(Table("T", columns(("A",), (), ()), ())) == "### T\n\n| A   |\n| --- |"


def test_the_same_footnote_is_the_same_number_and_numbers_ascend() -> None:
    notes = Footnotes()
    marks = [notes.mark("one"), notes.mark("two", None, "one", "two"), notes.mark(None)]
    assert marks == [" [1]", " [1][2]", ""]
    assert notes.texts == ("one", "two")

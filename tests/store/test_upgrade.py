"""Older records are brought up step by step, newer ones refused."""

from typing import Any

import pytest

from bench.spec.errors import BadRecord
from bench.spec.record import SCHEMA_VERSION
from bench.store.upgrade import STEPS, upgrade

Document = dict[str, Any]


def rename(document: Document) -> Document:
    rest = {key: value for key, value in document.items() if key != "speed"}
    return {**rest, "img_s": document["speed"]}


def add_flag(document: Document) -> Document:
    return {**document, "flag": document["img_s"] > 1}


def test_each_step_is_applied_once_and_in_order() -> None:
    old = {"schema_version": 1, "speed": 2.0}
    steps = {1: rename, 2: add_flag}
    assert upgrade(old, steps, 3) == {"schema_version": 3, "img_s": 2.0, "flag": True}
    assert upgrade({"schema_version": 2, "img_s": 0.5}, steps, 3) == {
        "schema_version": 3,
        "img_s": 0.5,
        "flag": False,
    }
    assert old == {"schema_version": 1, "speed": 2.0}


def test_the_current_version_is_left_alone() -> None:
    document = {"schema_version": SCHEMA_VERSION, "x": 1}
    assert upgrade(document) is document


def test_there_is_a_step_from_every_older_version() -> None:
    assert sorted(STEPS) == list(range(1, SCHEMA_VERSION))


def test_a_newer_version_is_refused() -> None:
    with pytest.raises(BadRecord) as caught:
        upgrade({"schema_version": 3})
    assert str(caught.value) == (
        "written by a newer bench (schema 3, this bench reads up to 1); update the bench"
    )


@pytest.mark.parametrize("version", [None, "1", 0, -1, 1.0])
def test_no_bench_wrote_such_a_version(version: object) -> None:
    with pytest.raises(ValueError, match=r"^schema_version is .*, expected a number from 1 to 1$"):
        upgrade({"schema_version": version})

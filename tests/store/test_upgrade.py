"""Older records are brought up step by step, newer ones refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bench.spec.cell import Cell, digest
from bench.spec.errors import BadRecord
from bench.spec.record import SCHEMA_VERSION, Record
from bench.store.text import to_json
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
        "written by a newer bench (schema 3, this bench reads up to 2); update the bench"
    )


@pytest.mark.parametrize("version", [None, "1", 0, -1, 1.0])
def test_no_bench_wrote_such_a_version(version: object) -> None:
    with pytest.raises(ValueError, match=r"^schema_version is .*, expected a number from 1 to 2$"):
        upgrade({"schema_version": version})


def first_schema(record: Record) -> Document:
    """Return a record as the first schema had it: no digests, and a key over every field."""
    document: Document = json.loads(to_json(record))
    cell = {key: value for key, value in document["cell"].items() if key not in ADDED}
    return {**document, "schema_version": 1, "cell": cell, "cell_key": digest(cell)}


ADDED = ("card_digest", "weights_digest")


def test_a_record_of_the_first_schema_gets_its_digests_and_its_key(
    make_record: Callable[..., Record],
) -> None:
    record = make_record()
    old = first_schema(record)
    new = Record.model_validate(upgrade(old))
    assert new.cell.card_digest == record.provenance.card.digest_for("throughput")
    assert new.cell == record.cell.model_copy(update={"card_digest": new.cell.card_digest})
    assert new.cell_key == new.cell.key != old["cell_key"]


def test_complexity_of_the_first_schema_loses_its_protocol(make_record: Callable[..., Record]) -> None:
    old = first_schema(make_record())
    old["cell"]["measure"] = "complexity"
    assert Cell.model_validate(upgrade(old)["cell"]).protocol_digest == ""


def test_a_weights_file_of_the_first_schema_is_known_by_its_hash(make_record: Callable[..., Record]) -> None:
    old = first_schema(make_record(weights="mine.safetensors"))
    old["provenance"]["weights_sha256"] = "0123456789abcdef" * 4
    assert upgrade(old)["cell"]["weights_digest"] == "0123456789ab"


def test_a_document_that_lacks_what_a_step_needs_is_no_record() -> None:
    with pytest.raises(ValueError, match=r"^not a record of schema 1: KeyError\('cell'\)$"):
        upgrade({"schema_version": 1})

"""What JSON cannot hold never gets in, and never gets out."""

import json
from collections.abc import Callable

import pytest

from bench.spec.errors import BadRecord
from bench.spec.record import Measured, Record
from bench.store.text import from_json, to_json

MakeRecord = Callable[..., Record]


def test_a_record_survives(make_record: MakeRecord) -> None:
    record = make_record()
    text = to_json(record)
    assert text.endswith("}\n")
    assert Record.model_validate(from_json(text)) == record


def test_every_number_that_is_not_finite_is_named(make_record: MakeRecord) -> None:
    outcome = Measured(
        values={"img_s": float("nan"), "fine": 1.0},
        samples={"window_s": (0.1, float("inf"))},
        details={"gaps": [{"gap": float("-inf")}]},
    )
    with pytest.raises(BadRecord) as caught:
        to_json(make_record(outcome))
    assert str(caught.value) == (
        "not a finite number: outcome.values.img_s is nan, outcome.samples.window_s.1 is inf, "
        "outcome.details.gaps.0.gap is -inf"
    )


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_words_for_numbers_are_refused(word: str) -> None:
    with pytest.raises(ValueError, match=f"^{word} is not a number$"):
        from_json(f'{{"value": {word}}}')


@pytest.mark.parametrize("text", ["[]", "1", "null"])
def test_only_an_object_is_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a JSON object$"):
        from_json(text)


def test_half_a_text() -> None:
    with pytest.raises(json.JSONDecodeError):
        from_json('{"a": ')

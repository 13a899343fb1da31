"""Turns a document into a suite, or says what is wrong with each field."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from bench.plan.grammar import EVALUATORS, GATES, MAX_SIZE_PX, Limits, Override, Scoring, Suite, Sweep
from bench.plan.mistakes import Mistake, Place, shown
from bench.spec.base import Spec
from bench.spec.cell import MEASURES, MEMORY_FORMATS, MODES, PRECISIONS, SCALES, SCAN_BACKENDS, WINDOWS
from bench.spec.errors import did_you_mean


@dataclass(frozen=True)
class _Field:
    """What a value of a field is called, what may stand there, and an example of it."""

    noun: str
    allowed: str
    example: str
    listed: bool = False
    names: Collection[str] = ()


def _named(noun: str, names: Collection[str]) -> _Field:
    return _Field(noun, ", ".join(names), f"[{next(iter(names))}]", listed=True, names=names)


FIELDS: Mapping[str, _Field] = {
    "name": _Field("a suite name", "lower-case letters, digits, _ and -", "my-suite"),
    "description": _Field("a description", "text", "One sentence."),
    "protocol": _Field("the name of a protocol", "text", "house"),
    "data": _Field("a folder", "text", "data"),
    "limits": _Field("limits", "a mapping", "{cell_s: 900}"),
    "cell_s": _Field("a time limit", "a number of seconds above 0", "900"),
    "corrupt_images": _Field("a number of images", "a whole number, 0 or more", "0"),
    "loader_workers": _Field("a number of processes", "a whole number, 0 or more", "4"),
    "eval_batch": _Field("a number of images", "a whole number, 1 or more", "64"),
    "scoring": _Field("how to score", "a mapping", "{keep_predictions: true}"),
    "evaluator": _Field("an evaluator", ", ".join(EVALUATORS), "pycocotools", names=EVALUATORS),
    "keep_predictions": _Field("a choice", "true or false", "false"),
    "gates": _named("a gate", GATES),
    "sweeps": _Field(
        "a sweep",
        "a mapping with models, task, resolutions, measures",
        "[{models: [deit_small], task: imagenet, resolutions: [224], measures: [throughput]}]",
        listed=True,
    ),
    "models": _Field("a model", "a key or glob as text", "[deit_small]", listed=True),
    "task": _Field("the name of a task", "text", "imagenet"),
    "resolutions": _Field(
        "a size",
        f"224 for a square, 800x1280 for height x width, each 1 to {MAX_SIZE_PX}",
        "[224]",
        listed=True,
    ),
    "precisions": _named("a precision", PRECISIONS),
    "memory_formats": _named("a memory format", MEMORY_FORMATS),
    "modes": _named("a mode", MODES),
    "batch": _Field("a batch", "a whole number of images, 1 or more, or max", "128"),
    "measures": _named("a measure", MEASURES),
    "overrides": _Field("an override", "a mapping", "{deit_small: {batch: 64}}"),
    "crop_pct": _Field("a crop", "a number above 0, at most 1", "0.875"),
    "weights": _Field("weights", "published, random or the path of a file", "published"),
    "scan_backend": _Field("a scan backend", ", ".join(SCAN_BACKENDS), "auto", names=SCAN_BACKENDS),
    "true_inverse": _Field("a choice", "true or false", "false"),
    "scales": _Field("a choice of scales", ", ".join(SCALES), "single", names=SCALES),
    "windows": _Field("a choice of windows", ", ".join(WINDOWS), "auto", names=WINDOWS),
}


def parse(value: JsonValue) -> tuple[Suite | None, list[Mistake]]:
    """Return the suite, or None and every field that is missing, unknown or wrong."""
    try:
        # JSON's strict mode takes lists for tuples and refuses "3" and true for 3
        return Suite.model_validate_json(json.dumps(value), strict=True), []
    except ValidationError as error:
        found = (_mistake(value, item["type"], item["loc"]) for item in error.errors(include_url=False))
        return None, [mistake for mistake in found if mistake is not None]


def _mistake(value: JsonValue, kind: str, place: Place) -> Mistake | None:
    if kind == "missing":
        name = str(place[-1])
        return Mistake(place, f"is missing; add `{name}: {FIELDS[name].example}`")
    place, found = _reach(value, place)
    if kind == "too_short" and found:
        return None  # pydantic counts the items that are right; the wrong ones have their own mistakes
    if kind == "extra_forbidden":
        known = _kind_of(place).model_fields
        name = str(place[-1])
        return Mistake(place, f"unknown field; allowed: {', '.join(known)}{did_you_mean(name, known)}")
    return Mistake(place, _wrong(place, found))


def _reach(value: JsonValue, place: Place) -> tuple[Place, JsonValue]:
    """Follow a place as far as the document goes; pydantic adds names of union members to it."""
    for depth, step in enumerate(place):
        if isinstance(value, dict) and step in value:
            value = value[str(step)]
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step]
        else:
            return place[:depth], value
    return place, value


def _kind_of(place: Place) -> type[Spec]:
    """Return the type that holds the field at a place."""
    if "overrides" in place[:-1]:
        return Override
    if len(place) == 1:
        return Suite
    if place[0] == "limits":
        return Limits
    return Scoring if place[0] == "scoring" else Sweep


def _wrong(place: Place, found: JsonValue) -> str:
    known = [step for step in place if step in FIELDS]
    if not known:
        return f"{shown(found)} is not a suite; expected a mapping with name and sweeps"
    field, at_field = FIELDS[str(known[-1])], place[-1] == known[-1]
    if field.listed and at_field:
        if found == []:
            return f"the list is empty; allowed: one or more of {field.allowed}"
        return f"expected a list, not {shown(found)}; write it as {_as_list(found, field)}"
    if isinstance(found, str) and field.names:
        unknown = f"unknown {field.noun.removeprefix('a ')} {found!r}"
        return f"{unknown}; allowed: {field.allowed}{did_you_mean(found, field.names)}"
    return f"{shown(found)} is not {field.noun}; allowed: {field.allowed}"


def _as_list(found: JsonValue, field: _Field) -> str:
    of_mappings = field.example.startswith("[{")
    plain = isinstance(found, str | int) and not isinstance(found, bool)
    return f"[{found}]" if plain and not of_mappings else field.example

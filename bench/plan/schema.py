"""The JSON Schema of a suite file, with which editors complete and check it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from pydantic import JsonValue

from bench.catalog import read
from bench.plan.grammar import (
    EVALUATORS,
    GATES,
    MAX_SIZE_PX,
    NAME_PATTERN,
    SIZE_PATTERN,
    Limits,
    Override,
    Scoring,
    Suite,
    Sweep,
)
from bench.spec.base import Spec
from bench.spec.cell import MEASURES, MEMORY_FORMATS, MODES, PRECISIONS, SCALES, SCAN_BACKENDS, WINDOWS

Schema: TypeAlias = dict[str, JsonValue]


def suite_schema() -> Schema:
    """Return the schema (JSON Schema 2020-12), with the names that the catalog holds now."""
    values = _values()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Benchmark suite",
        **_object(Suite, values),
        "$defs": {
            kind.__name__.lower(): _object(kind, values) for kind in (Sweep, Override, Limits, Scoring)
        },
    }


def _values() -> Mapping[str, Schema]:
    """Return what may stand in each field; a field means the same wherever it occurs."""
    models = list(read.every_model())
    return {
        "name": {"type": "string", "pattern": NAME_PATTERN},
        "description": {"type": "string"},
        "protocol": _one_of(read.protocols()),
        "data": {"type": "string", "minLength": 1},
        "limits": {"$ref": "#/$defs/limits"},
        "scoring": {"$ref": "#/$defs/scoring"},
        "evaluator": _one_of(EVALUATORS),
        "keep_predictions": {"type": "boolean"},
        "gates": _some(_one_of(GATES)),
        "sweeps": _some({"$ref": "#/$defs/sweep"}),
        "models": _some({"type": "string", "minLength": 1, "examples": [*models]}),
        "task": _one_of(read.tasks()),
        "resolutions": _some(
            {"anyOf": [_whole(1, MAX_SIZE_PX), {"type": "string", "pattern": SIZE_PATTERN}]}
        ),
        "precisions": _some(_one_of(PRECISIONS)),
        "memory_formats": _some(_one_of(MEMORY_FORMATS)),
        "modes": _some(_one_of(MODES)),
        "batch": {"anyOf": [_whole(1), {"const": "max"}]},
        "measures": _some(_one_of(MEASURES)),
        "crop_pct": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "weights": {"type": "string", "minLength": 1, "examples": ["published", "random"]},
        "scan_backend": _one_of(SCAN_BACKENDS),
        "true_inverse": {"type": "boolean"},
        "scales": _one_of(SCALES),
        "windows": _one_of(WINDOWS),
        "overrides": {
            "type": "object",
            "propertyNames": {"examples": [*models]},
            "additionalProperties": {"$ref": "#/$defs/override"},
        },
        "cell_s": {"type": "number", "exclusiveMinimum": 0},
        "corrupt_images": _whole(0),
        "loader_workers": _whole(0),
        "eval_batch": _whole(1),
    }


def _object(kind: type[Spec], values: Mapping[str, Schema]) -> Schema:
    fields = kind.model_fields
    required: list[JsonValue] = [name for name, field in fields.items() if field.is_required()]
    properties: Schema = {
        name: {"description": field.description, **values[name]} for name, field in fields.items()
    }
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**schema, "required": required} if required else schema


def _one_of(names: Iterable[str]) -> Schema:
    return {"enum": [*names]}


def _some(items: Schema) -> Schema:
    return {"type": "array", "minItems": 1, "items": items}


def _whole(minimum: int, maximum: int | None = None) -> Schema:
    schema: Schema = {"type": "integer", "minimum": minimum}
    return schema if maximum is None else {**schema, "maximum": maximum}

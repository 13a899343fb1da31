"""The JSON Schema agrees with the reader of suites, and the committed copy with both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bench.catalog.read import Catalog
from bench.plan.document import read_document
from bench.plan.schema import suite_schema
from bench.plan.suite import Limits, Override, Suite, Sweep, read_suite
from bench.spec.errors import BadSuite

SUITES = Path(__file__).parents[2] / "suites"
FIELDS = {
    "models": "[deit_small, localvim_tiny]",
    "task": "imagenet",
    "resolutions": "[224]",
    "measures": "[throughput]",
    "limits": "{}",
}


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = suite_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_committed_schema_is_current() -> None:
    committed = json.loads((SUITES / "suite.schema.json").read_text())
    assert committed == suite_schema(), "run: python -m bench schema > suites/suite.schema.json"


@pytest.mark.parametrize("path", sorted(SUITES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_suite_fits_the_schema(path: Path, validator: Draft202012Validator) -> None:
    assert [error.message for error in validator.iter_errors(read_document(path).value)] == []


@pytest.mark.parametrize(
    ("kind", "name"), [(Suite, None), (Sweep, "sweep"), (Override, "override"), (Limits, "limits")]
)
def test_schema_and_types_have_the_same_fields(kind: Any, name: str | None) -> None:
    whole: Any = suite_schema()
    schema = whole["$defs"][name] if name else whole
    assert list(schema["properties"]) == list(kind.model_fields)
    assert schema.get("required", []) == [
        key for key, field in kind.model_fields.items() if field.is_required()
    ]
    assert all(len(fragment["description"]) > 10 for fragment in schema["properties"].values())


def test_names_are_those_of_the_catalog(whole_catalog: Catalog) -> None:
    schema: Any = suite_schema()
    sweep = schema["$defs"]["sweep"]["properties"]
    assert sweep["task"]["enum"] == list(whole_catalog.tasks)
    assert sweep["protocol"]["enum"] == list(whole_catalog.protocols)
    assert sweep["models"]["items"]["examples"] == list(whole_catalog.models)


@pytest.mark.parametrize(
    ("field", "value", "right"),
    [
        ("resolutions", "[1, 8192, 800x1280]", True),
        ("resolutions", "[0]", False),
        ("resolutions", "[8193]", False),
        ("resolutions", "[224.5]", False),
        ("resolutions", "[true]", False),
        ("resolutions", "['224']", False),
        ("resolutions", "[0x5]", False),
        ("resolutions", "224", False),
        ("resolutions", "[]", False),
        ("models", "['*']", True),
        ("models", "deit_small", False),
        ("models", "[]", False),
        ("task", "imagnet", False),
        ("precisions", "[bf16, tf32]", True),
        ("precisions", "[fp8]", False),
        ("memory_formats", "[channels_last]", True),
        ("memory_formats", "[nhwc]", False),
        ("modes", "[compiled]", True),
        ("modes", "[]", False),
        ("batch", "max", True),
        ("batch", "1", True),
        ("batch", "0", False),
        ("batch", "min", False),
        ("batch", "'4'", False),
        ("measures", "[speed]", False),
        ("protocol", "house", True),
        ("protocol", "hous", False),
        ("crop_pct", "1", True),
        ("crop_pct", "0", False),
        ("crop_pct", "1.01", False),
        ("weights", "random", True),
        ("weights", "''", False),
        ("weights", "7", False),
        ("scan_backend", "auto", True),
        ("scan_backend", "cuda", False),
        ("scan_backend", "[torch]", False),
        ("true_inverse", "true", True),
        ("true_inverse", "1", False),
        ("true_inverse", "published", False),
        ("overrides", "{'*': {batch: 2}}", True),
        ("overrides", "{'*': {batches: 2}}", False),
        ("overrides", "[]", False),
        ("unknown", "1", False),
        ("limits", "{cell_s: 0.5, corrupt_images: 0, loader_workers: 0, eval_batch: 1}", True),
        ("limits", "{cell_s: 0}", False),
        ("limits", "{corrupt_images: -1}", False),
        ("limits", "{eval_batch: 0}", False),
        ("limits", "{workers: 0}", False),
    ],
)
def test_schema_and_reader_agree(
    tmp_path: Path,
    whole_catalog: Catalog,
    validator: Draft202012Validator,
    *,
    field: str,
    value: str,
    right: bool,
) -> None:
    fields = {**FIELDS, field: value}
    limits = fields.pop("limits")
    sweep = "\n".join(f"    {name}: {text}" for name, text in fields.items())
    path = tmp_path / "suite.yaml"
    path.write_text(f"name: test\nlimits: {limits}\nsweeps:\n  -\n{sweep}\n")
    try:
        read_suite(path, whole_catalog)
        read = True
    except BadSuite:
        read = False
    assert (read, validator.is_valid(read_document(path).value)) == (right, right)

"""The suites that come with the bench: valid, of the intended size, with unique names."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bench.catalog.read import Catalog
from bench.plan.expand import expand
from bench.plan.suite import Suite, read_suite
from bench.spec.cell import Cell, DeviceKind

SUITES = Path(__file__).parents[2] / "suites"
NAMES = ("imagenet", "nightly", "quickstart", "throughput")


def load(name: str, catalog: Catalog) -> Suite:
    return read_suite(SUITES / f"{name}.yaml", catalog)


def cells_of(
    name: str, catalog: Catalog, device: DeviceKind = "cuda", limit: int | None = None
) -> tuple[Cell, ...]:
    return expand(load(name, catalog), catalog.models, catalog.tasks, catalog.protocols, device, limit)


def test_no_suite_is_left_out_here() -> None:
    assert tuple(sorted(path.stem for path in SUITES.glob("*.yaml"))) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_suite_is_called_like_its_file_and_names_its_schema(name: str, whole_catalog: Catalog) -> None:
    assert load(name, whole_catalog).name == name
    first = (SUITES / f"{name}.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=suite.schema.json"


@pytest.mark.parametrize("limit", [None, 10])
@pytest.mark.parametrize("device", ["cuda", "cpu"])
@pytest.mark.parametrize("name", NAMES)
def test_names_and_keys_are_unique(
    name: str, device: DeviceKind, limit: int | None, whole_catalog: Catalog
) -> None:
    cells = cells_of(name, whole_catalog, device, limit)
    assert len({cell.name for cell in cells}) == len({cell.key for cell in cells}) == len(cells) > 0


def test_quickstart_is_small_and_downloads_nothing(whole_catalog: Catalog) -> None:
    cells = cells_of("quickstart", whole_catalog, "cpu")
    assert len(cells) == 12
    assert {cell.checkpoint for cell in cells} == {"mobilenetv3_small", "resnet18", "mambaout_femto"}
    assert {(cell.weights, cell.precision, cell.task) for cell in cells} == {("random", "fp32", "quickstart")}
    assert max(cell.height_px for cell in cells) <= 224


def test_imagenet_covers_models_sizes_and_measures(whole_catalog: Catalog) -> None:
    cells = cells_of("imagenet", whole_catalog)
    models = [
        *(f"mambaout_{size}" for size in ("femto", "kobe", "tiny", "small", "base")),
        "deit_small",
        *(f"{family}_{size}" for family in ("swin", "convnext") for size in ("tiny", "small", "base")),
    ]
    assert list(dict.fromkeys(cell.checkpoint for cell in cells)) == models
    counts = Counter((cell.height_px, cell.precision, cell.measure) for cell in cells)
    assert counts == {
        (224, "amp_fp16", "accuracy"): 12,
        (224, "amp_fp16", "throughput"): 12,
        (224, "amp_fp16", "latency"): 12,
        (224, "amp_fp16", "memory"): 12,
        (224, "fp32", "complexity"): 12,
        (224, "fp32", "accuracy"): 12,
        (224, "fp32", "throughput"): 12,
        **{
            (size, precision, measure): 12
            for size in (288, 384, 512)
            for precision, measure in (
                ("amp_fp16", "throughput"),
                ("amp_fp16", "memory"),
                ("fp32", "complexity"),
            )
        },
    }


def test_throughput_compares_the_protocols_within_bounds(whole_catalog: Catalog) -> None:
    cells = cells_of("throughput", whole_catalog)
    assert len(cells) <= 120
    assert {cell.protocol for cell in cells} == {"house", "timm", "vmamba", "localmamba"}
    models = {cell.checkpoint for cell in cells if cell.protocol == "house"}
    assert len(models) == 4
    for protocol in ("timm", "vmamba", "localmamba"):
        assert models <= {cell.checkpoint for cell in cells if cell.protocol == protocol}
    house = {(cell.memory_format, cell.mode) for cell in cells if cell.protocol == "house"}
    assert len(house) == 4


def test_nightly_is_short_and_gated(whole_catalog: Catalog) -> None:
    assert load("nightly", whole_catalog).gates == ("last_night",)
    cells = cells_of("nightly", whole_catalog)
    assert len(cells) == 25
    assert Counter(cell.measure for cell in cells) == dict.fromkeys(
        ("accuracy", "throughput", "latency", "memory", "complexity"), 5
    )

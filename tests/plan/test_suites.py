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
NAMES = (
    "ade20k",
    "coco",
    "dense-quickstart",
    "imagenet",
    "nightly",
    "quickstart",
    "resolutions",
    "throughput",
)


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
    cards = {cell.checkpoint: whole_catalog.models[cell.checkpoint] for cell in cells}
    assert list(cards) == [key for key in whole_catalog.models if "micro_" in key]
    assert all(card.weights_file and card.weights_sha256 and not card.weights_url for card in cards.values())
    assert {cell.task for cell in cells} == {"shapes", "shapes_coco", "shapes_ade20k"}
    assert {(cell.weights, cell.precision) for cell in cells if cell.measure == "accuracy"} == {
        ("published", "fp32")
    }
    assert max(cell.height_px * cell.width_px for cell in cells) <= 128 * 192


TIMM = [
    *(f"mambaout_{size}" for size in ("femto", "kobe", "tiny", "small", "base")),
    "deit_small",
    *(f"{family}_{size}" for family in ("swin", "convnext") for size in ("tiny", "small", "base")),
]


def counted(cells: tuple[Cell, ...], models: list[str]) -> Counter[tuple[int, str, str]]:
    chosen = [cell for cell in cells if cell.checkpoint in models]
    return Counter((cell.height_px, cell.precision, cell.measure) for cell in chosen)


def test_imagenet_covers_models_sizes_and_measures(whole_catalog: Catalog) -> None:
    cells = cells_of("imagenet", whole_catalog)
    ours = [
        card.key
        for card in whole_catalog.models.values()
        if card.source in {"native", "vit"} and card.classes == 1000
    ]
    assert {cell.checkpoint for cell in cells} == {*TIMM, *ours}
    assert len(ours) == 24
    assert counted(cells, TIMM) == {
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
    assert counted(cells, ours) == {
        (224, "amp_fp16", "accuracy"): 24,
        (224, "amp_fp16", "latency"): 24,
        (224, "fp32", "accuracy"): 24,
        (224, "fp32", "complexity"): 24,
        **{
            (224, precision, measure): 24
            for precision in ("fp32", "amp_fp16", "amp_bf16")
            for measure in ("throughput", "memory")
        },
    }


def test_resolutions_grow_in_tokens_at_bounded_cost(whole_catalog: Catalog) -> None:
    cells = cells_of("resolutions", whole_catalog)
    sizes = [(side, side) for side in (224, 384, 512, 640, 768, 1024)] + [(800, 1280), (512, 2048)]
    models = ["vmamba_tiny_s1l8", "vim_small", "local_vmamba_tiny", "mambaout_tiny", "deit_small"]
    assert {cell.precision for cell in cells} == {"amp_fp16"}
    assert Counter((cell.checkpoint, cell.measure, cell.batch == "max") for cell in cells) == {
        (model, measure, largest): len(sizes)
        for model in models
        for measure, largest in (("throughput", False), ("memory", False), ("throughput", True))
    }
    for cell in cells:
        assert (cell.height_px, cell.width_px) in sizes
        assert whole_catalog.models[cell.checkpoint].wrong_size(cell.height_px, cell.width_px) is None
        if cell.batch != "max":
            # between four and twelve million pixels, 128 images of 224 px being six
            assert 4e6 < cell.batch * cell.height_px * cell.width_px < 12e6


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
    assert len(cells) == 30
    assert Counter(cell.measure for cell in cells) == dict.fromkeys(
        ("accuracy", "throughput", "latency", "memory", "complexity"), 6
    )


@pytest.mark.parametrize(
    ("name", "method", "size", "models"),
    [("coco", "mask_rcnn", (800, 1280), 21), ("ade20k", "upernet", (512, 2048), 25)],
)
def test_dense_suites_have_every_detector_and_segmentor(
    name: str, method: str, size: tuple[int, int], models: int, whole_catalog: Catalog
) -> None:
    cells = cells_of(name, whole_catalog)
    counted = [cell for cell in cells if cell.measure == "complexity"]
    every = [
        key
        for key, card in whole_catalog.models.items()
        if card.source == method and card.head == "published"
    ]
    assert sorted(cell.checkpoint for cell in counted) == sorted(every)
    assert len(counted) == models
    assert {(cell.task, cell.height_px, cell.width_px) for cell in counted} == {(name, *size)}
    scored = [cell for cell in cells if cell.measure == "accuracy"]
    assert {cell.checkpoint for cell in scored if cell.scales == "single"} == set(every)
    several = {cell.checkpoint for cell in scored if cell.scales == "multi"}
    # Vim is built for one size of window
    assert several == ({key for key in every if "-vim_" not in key} if name == "ade20k" else set())
    assert len(scored) == len(counted) + len(several)
    timed = [cell for cell in cells if cell.measure not in {"accuracy", "complexity"}]
    assert Counter((cell.measure, cell.batch) for cell in timed) == {
        ("fps", 1): models,
        ("backbone_throughput", 4): models,
        ("memory", 1): models,
    }
    assert {(cell.precision, cell.height_px, cell.width_px) for cell in timed} == {("amp_fp16", *size)}
    sizes = {(cell.height_px, cell.width_px) for cell in scored if "-vim_" not in cell.checkpoint}
    assert sizes == {size}

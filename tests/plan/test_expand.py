"""Which cells a suite becomes, in which order, and what is left out of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.catalog.read import Catalog
from bench.plan.expand import expand
from bench.plan.suite import Suite
from bench.spec.cell import Cell, DeviceKind
from bench.spec.errors import UserError

SuiteOf = Callable[[str], Suite]


def cells_of(
    suite: Suite, catalog: Catalog, device: DeviceKind = "cuda", limit: int | None = None
) -> tuple[Cell, ...]:
    return expand(suite, catalog.models, catalog.tasks, catalog.protocols, device, limit)


def sweep(**fields: str) -> str:
    usual = {"models": "[deit_small]", "task": "imagenet", "resolutions": "[224]", "measures": "[throughput]"}
    return "- " + "\n  ".join(f"{key}: {value}" for key, value in {**usual, **fields}.items()) + "\n"


def test_order_is_sweep_model_size_precision_format_mode_measure(suite_of: SuiteOf, catalog: Catalog) -> None:
    suite = suite_of(
        sweep(
            models="[swin_tiny, mambaout_*]",
            resolutions="[224, 96x128]",
            precisions="[bf16, fp32]",
            modes="[compiled, eager]",
            measures="[memory, throughput]",
            overrides="{'mambaout_*': {resolutions: [32], precisions: [fp16], modes: [eager]}}",
        )
        + sweep(measures="[latency]")
    )
    swin = [
        f"swin_tiny/imagenet/{size}/{precision}/{measure}{mode}"
        for size in ("224x224", "96x128")
        for precision in ("bf16", "fp32")
        for mode in ("/compiled", "")
        for measure in ("memory", "throughput")
    ]
    assert [cell.name for cell in cells_of(suite, catalog)] == [
        *swin,
        "mambaout_tiny/imagenet/32x32/fp16/memory",
        "mambaout_tiny/imagenet/32x32/fp16/throughput",
        "mambaout_small/imagenet/32x32/fp16/memory",
        "mambaout_small/imagenet/32x32/fp16/throughput",
        "deit_small/imagenet/224x224/fp32/latency",
    ]


def test_a_cell_is_complete(suite_of: SuiteOf, catalog: Catalog) -> None:
    (cell,) = cells_of(suite_of(sweep(resolutions="[800x1280]", batch="7")), catalog)
    assert cell == Cell(
        checkpoint="deit_small",
        task="imagenet",
        task_digest=catalog.tasks["imagenet"].content_digest,
        height_px=800,
        width_px=1280,
        precision="fp32",
        measure="throughput",
        device="cuda",
        protocol="house",
        protocol_digest=catalog.protocols["house"].content_digest,
        batch=7,
        default_batch=False,
        card_digest=catalog.models["deit_small"].digest_for("throughput"),
    )


def test_a_new_crop_starts_accuracy_anew_and_a_new_network_everything(
    suite_of: SuiteOf, catalog: Catalog
) -> None:
    suite = suite_of(sweep(measures="[accuracy, throughput, complexity]"))
    card = catalog.models["deit_small"]
    crop = card.preprocessing.model_copy(update={"crop_pct": 0.5})

    def stay(**changes: object) -> list[bool]:
        edited = {**catalog.models, card.key: card.model_copy(update=changes)}
        changed = expand(suite, edited, catalog.tasks, catalog.protocols, "cuda", None)
        return [old.key == new.key for old, new in zip(cells_of(suite, catalog), changed, strict=True)]

    assert stay(label="DeiT", licence="none") == [True, True, True]
    assert stay(preprocessing=crop) == stay(weights_sha256="0" * 64) == [False, True, True]
    assert stay(ref="other") == [False, False, False]


def test_complexity_appears_once_per_model_and_size(suite_of: SuiteOf, catalog: Catalog) -> None:
    many = sweep(
        models="[deit_small, swin_tiny]",
        resolutions="[224, 288]",
        precisions="[fp32, bf16]",
        memory_formats="[contiguous, channels_last]",
        modes="[eager, compiled]",
        batch="64",
        crop_pct="0.5",
        weights="random",
        measures="[complexity]",
    )
    suite = suite_of(many + sweep(protocol="strict", measures="[complexity]"))
    on_gpu, on_cpu = cells_of(suite, catalog, "cuda", 10), cells_of(suite, catalog, "cpu", None)
    assert on_gpu == on_cpu
    assert [cell.name for cell in on_gpu] == [
        f"{model}/imagenet/{size}x{size}/fp32/complexity"
        for model in ("deit_small", "swin_tiny")
        for size in (224, 288)
    ]
    assert {(cell.device, cell.protocol, cell.batch, cell.weights, cell.crop_pct) for cell in on_gpu} == {
        ("cpu", "house", 1, "random", None)
    }
    assert {cell.protocol_digest for cell in on_gpu} == {""}


def test_accuracy_keeps_precision_and_format_only(suite_of: SuiteOf, catalog: Catalog) -> None:
    suite = suite_of(
        sweep(
            precisions="[fp32, bf16]",
            memory_formats="[contiguous, channels_last]",
            modes="[eager, compiled]",
            batch="64",
            measures="[accuracy]",
        )
    )
    cells = cells_of(suite, catalog)
    assert [cell.name for cell in cells] == [
        "deit_small/imagenet/224x224/fp32/accuracy",
        "deit_small/imagenet/224x224/fp32/accuracy/channels_last",
        "deit_small/imagenet/224x224/bf16/accuracy",
        "deit_small/imagenet/224x224/bf16/accuracy/channels_last",
    ]
    assert {(cell.mode, cell.batch, cell.default_batch, cell.weights) for cell in cells} == {
        ("eager", 1, True, "published")
    }


def test_latency_has_batch_one_and_keeps_the_mode(suite_of: SuiteOf, catalog: Catalog) -> None:
    suite = suite_of(sweep(batch="64", modes="[compiled]", measures="[latency, memory]"))
    latency, memory = cells_of(suite, catalog)
    assert (latency.name, latency.batch) == ("deit_small/imagenet/224x224/fp32/latency/compiled", 1)
    assert (memory.name, memory.batch) == ("deit_small/imagenet/224x224/fp32/memory/compiled+batch_64", 64)


@pytest.mark.parametrize(
    ("batch", "device", "expected", "suffix"),
    [
        (None, "cuda", 128, ""),
        (None, "cpu", 4, ""),
        ("128", "cuda", 128, ""),
        ("128", "cpu", 128, "/batch_128"),
        ("max", "cuda", "max", "/batch_max"),
    ],
)
def test_batch(
    suite_of: SuiteOf,
    catalog: Catalog,
    *,
    batch: str | None,
    device: DeviceKind,
    expected: object,
    suffix: str,
) -> None:
    (cell,) = cells_of(suite_of(sweep(**({"batch": batch} if batch else {}))), catalog, device)
    assert cell.batch == expected
    assert cell.name == f"deit_small/imagenet/224x224/fp32/throughput{suffix}"


def test_a_batch_spelt_out_is_the_same_cell_as_the_default(suite_of: SuiteOf, catalog: Catalog) -> None:
    assert len(cells_of(suite_of(sweep() + sweep(batch="128")), catalog, "cuda")) == 1
    assert len(cells_of(suite_of(sweep() + sweep(batch="128")), catalog, "cpu")) == 2


def test_a_protocol_without_a_batch_for_the_device_takes_that_of_house(
    suite_of: SuiteOf, catalog: Catalog
) -> None:
    suite = suite_of(sweep(protocol="strict"))
    (on_gpu,), (on_cpu,) = cells_of(suite, catalog, "cuda"), cells_of(suite, catalog, "cpu")
    assert (on_gpu.batch, on_cpu.batch) == (256, catalog.protocols["house"].batch_images["cpu"])
    assert on_gpu.name == on_cpu.name == "deit_small/imagenet/224x224/fp32/throughput/strict"


def test_absent_choices_are_the_first_of_the_protocol(suite_of: SuiteOf, catalog: Catalog) -> None:
    last = {
        "precisions": ("bf16", "fp32"),
        "memory_formats": ("channels_last",),
        "modes": ("compiled", "eager"),
    }
    other = {
        "house": catalog.protocols["house"],
        "strict": catalog.protocols["strict"].model_copy(update=last),
    }
    suite = suite_of(sweep(protocol="strict"))
    (cell,) = expand(suite, catalog.models, catalog.tasks, other, "cuda", None)
    assert cell.name == "deit_small/imagenet/224x224/bf16/throughput/strict+compiled+channels_last"


def test_the_protocol_of_the_suite_is_the_default_of_sweeps(suite_of: SuiteOf, catalog: Catalog) -> None:
    suite = suite_of(sweep() + sweep(protocol="house")).model_copy(update={"protocol": "strict"})
    assert [cell.protocol for cell in cells_of(suite, catalog)] == ["strict", "house"]


def test_overrides_apply_in_order_to_the_models_they_match(suite_of: SuiteOf, catalog: Catalog) -> None:
    suite = suite_of(
        sweep(
            models="['*']",
            batch="8",
            overrides="{'mambaout_*': {batch: 16, resolutions: [32]}, '*_tiny': {batch: 4}}",
        )
    )
    assert [(cell.checkpoint, cell.batch, cell.height_px) for cell in cells_of(suite, catalog)] == [
        ("deit_small", 8, 224),
        ("mambaout_tiny", 4, 32),
        ("mambaout_small", 16, 32),
        ("swin_tiny", 4, 224),
    ]


def test_a_glob_behind_an_exclamation_mark_takes_models_out(suite_of: SuiteOf, catalog: Catalog) -> None:
    cells = cells_of(suite_of(sweep(models="[deit_small, '!*_tiny', 'mambaout_*', swin_tiny]")), catalog)
    named = [key for key in catalog.models if key.startswith("mambaout_") and not key.endswith("_tiny")]
    assert named
    assert [cell.checkpoint for cell in cells] == ["deit_small", *named]


def test_crop_and_weights_concern_accuracy_only(suite_of: SuiteOf, catalog: Catalog) -> None:
    suite = suite_of(
        sweep(
            models="[deit_small, mambaout_tiny]",
            measures="[accuracy, throughput]",
            overrides="{deit_*: {crop_pct: 0.875, weights: a/fine.pth}, mambaout_*: {weights: random}}",
        )
    )
    assert [(cell.name, cell.weights, cell.crop_pct) for cell in cells_of(suite, catalog)] == [
        ("deit_small/imagenet/224x224/fp32/accuracy/crop_0.875+fine_weights", "a/fine.pth", 0.875),
        ("deit_small/imagenet/224x224/fp32/throughput", "random", None),
        ("mambaout_tiny/imagenet/224x224/fp32/accuracy/random_weights", "random", None),
        ("mambaout_tiny/imagenet/224x224/fp32/throughput", "random", None),
    ]


def test_the_published_crop_spelt_out_is_the_same_cell(suite_of: SuiteOf, catalog: Catalog) -> None:
    published = catalog.models["deit_small"].preprocessing.crop_pct
    suite = suite_of(sweep(measures="[accuracy]") + sweep(measures="[accuracy]", crop_pct=f"{published}"))
    assert [cell.crop_pct for cell in cells_of(suite, catalog)] == [None]


def test_a_limit_concerns_accuracy_only(suite_of: SuiteOf, catalog: Catalog) -> None:
    suite = suite_of(sweep(measures="[accuracy, throughput, latency, memory, complexity]"))
    whole, part = cells_of(suite, catalog, limit=None), cells_of(suite, catalog, limit=100)
    assert part[0].name == "deit_small/imagenet/224x224/fp32/accuracy/limit_100"
    assert (part[0].limit_images, part[1:]) == (100, whole[1:])


def test_a_limit_of_all_images_is_none(suite_of: SuiteOf, catalog: Catalog) -> None:
    suite = suite_of(sweep(measures="[accuracy]"))
    assert cells_of(suite, catalog, limit=50_000) == cells_of(suite, catalog, limit=None)
    assert cells_of(suite, catalog, limit=49_999)[0].limit_images == 49_999


def test_two_cells_of_one_name_are_refused(suite_of: SuiteOf, catalog: Catalog) -> None:
    suite = suite_of(
        sweep(measures="[accuracy]", weights="a/x.pth") + sweep(measures="[accuracy]", weights="b/x.pth")
    )
    with pytest.raises(UserError) as caught:
        cells_of(suite, catalog)
    assert str(caught.value) == (
        "two different cells are called deit_small/imagenet/224x224/fp32/accuracy/x_weights: "
        "weights a/x.pth and b/x.pth, crop None and None; rename a file or round the crop"
    )


def our_cells(catalog: Catalog, suite: Suite, device: DeviceKind = "cuda") -> dict[str, Cell]:
    return {cell.name: cell for cell in cells_of(suite, catalog, device)}


def test_scan_choices_concern_the_models_that_have_them(
    suite_of_all: SuiteOf, whole_catalog: Catalog
) -> None:
    suite = suite_of_all(
        sweep(
            models="[deit_small, vim_tiny, localvim_tiny]",
            scan_backend="torch",
            true_inverse="true",
            measures="[throughput, complexity]",
        )
    )
    cells = our_cells(whole_catalog, suite)
    assert {name: (cell.scan_backend, cell.true_inverse) for name, cell in cells.items()} == {
        "deit_small/imagenet/224x224/fp32/throughput": ("auto", False),
        "deit_small/imagenet/224x224/fp32/complexity": ("auto", False),
        "vim_tiny/imagenet/224x224/fp32/throughput/scan_torch": ("torch", False),
        "vim_tiny/imagenet/224x224/fp32/complexity": ("auto", False),
        "localvim_tiny/imagenet/224x224/fp32/throughput/scan_torch+true_inverse": ("torch", True),
        "localvim_tiny/imagenet/224x224/fp32/complexity": ("auto", False),
    }


def test_overrides_choose_for_some_models(suite_of_all: SuiteOf, whole_catalog: Catalog) -> None:
    suite = suite_of_all(
        sweep(
            models="[vim_tiny, localvim_tiny]",
            scan_backend="torch",
            overrides="{localvim_*: {scan_backend: auto, true_inverse: true}}",
        )
    )
    assert list(our_cells(whole_catalog, suite)) == [
        "vim_tiny/imagenet/224x224/fp32/throughput/scan_torch",
        "localvim_tiny/imagenet/224x224/fp32/throughput/true_inverse",
    ]


def test_a_default_spelt_out_is_the_same_cell(suite_of_all: SuiteOf, whole_catalog: Catalog) -> None:
    spelt = {"scan_backend": "auto", "true_inverse": "false"}
    suite = suite_of_all(sweep(models="[localvim_tiny]") + sweep(models="[localvim_tiny]", **spelt))
    (cell,) = cells_of(suite, whole_catalog)
    assert not {"scan_backend", "true_inverse"} & set(cell.model_dump(exclude_defaults=True))


def test_equal_combinations_are_one_cell(suite_of: SuiteOf, catalog: Catalog) -> None:
    suite = suite_of(sweep(models="[deit_small, 'deit_*', '*']", resolutions="[224, 224x224]") + sweep())
    cells = cells_of(suite, catalog)
    assert [cell.checkpoint for cell in cells] == [
        "deit_small",
        "mambaout_tiny",
        "mambaout_small",
        "swin_tiny",
    ]
    assert len({cell.key for cell in cells}) == 4


def test_scales_and_windows_concern_the_accuracy_of_segmentors_only(
    suite_of_all: SuiteOf, whole_catalog: Catalog
) -> None:
    fields = {"measures": "[accuracy, complexity]", "scales": "multi", "windows": "slide"}
    suite = suite_of_all(
        sweep(models="[upernet-resnet50]", task="ade20k", **fields)
        + sweep(models="[deit_small]", task="imagenet", **fields)
    )
    assert [cell.name for cell in cells_of(suite, whole_catalog)] == [
        "upernet-resnet50/ade20k/224x224/fp32/accuracy/multi_scale+slide",
        "upernet-resnet50/ade20k/224x224/fp32/complexity",
        "deit_small/imagenet/224x224/fp32/accuracy",
        "deit_small/imagenet/224x224/fp32/complexity",
    ]


def test_a_task_takes_models_of_its_kind_only(suite_of_all: SuiteOf, whole_catalog: Catalog) -> None:
    sizes = {"resolutions": "[800x1280]", "measures": "[complexity]"}
    suite = suite_of_all(
        sweep(models="['*mambaout_tiny']", task="coco", **sizes)
        + sweep(models="['*mambaout_tiny']", task="ade20k", **sizes)
        + sweep(models="['*mambaout_tiny']", **sizes)
    )
    assert [cell.name for cell in cells_of(suite, whole_catalog)] == [
        "mask_rcnn-mambaout_tiny/coco/800x1280/fp32/complexity",
        "upernet-mambaout_tiny/ade20k/800x1280/fp32/complexity",
        "mambaout_tiny/imagenet/800x1280/fp32/complexity",
    ]


def test_a_batch_is_that_of_the_backbone_alone(suite_of_all: SuiteOf, whole_catalog: Catalog) -> None:
    fields = {
        "models": "[mask_rcnn-resnet50]",
        "task": "coco",
        "measures": "[fps, memory, backbone_throughput]",
    }
    place = "mask_rcnn-resnet50/coco/224x224/fp32"
    for given, device, batch, name in (
        ({}, "cuda", 4, "backbone_throughput"),
        ({}, "cpu", 1, "backbone_throughput"),
        ({"batch": "16"}, "cuda", 16, "backbone_throughput/batch_16"),
        ({"batch": "max"}, "cuda", "max", "backbone_throughput/batch_max"),
    ):
        cells = cells_of(suite_of_all(sweep(**fields, **given)), whole_catalog, device)
        assert [cell.name for cell in cells] == [f"{place}/fps", f"{place}/memory", f"{place}/{name}"]
        assert [cell.batch for cell in cells] == [1, 1, batch]

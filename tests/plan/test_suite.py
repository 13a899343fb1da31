"""Every mistake a suite can hold, word for word, and what a right suite becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.catalog.read import Catalog
from bench.plan.suite import Limits, Override, Size, Suite, Sweep, read_suite
from bench.spec.errors import BadSuite

SWEEP = {"models": "[deit_small]", "task": "imagenet", "resolutions": "[224]", "measures": "[throughput]"}
SIZES = "allowed: 224 for a square, 800x1280 for height x width, each 1 to 8192"
KEYS = "allowed: the keys that `bench models` lists, and globs of them"
SWEEP_FIELDS = (
    "resolutions, precisions, memory_formats, modes, batch, measures, crop_pct, weights, "
    "scan_backend, true_inverse, scales, windows, models, task, protocol, overrides"
)
PRECISIONS = "fp32, tf32, amp_fp16, amp_bf16, bf16, fp16"
MEASURES = "accuracy, throughput, latency, fps, backbone_throughput, memory, complexity"


def errors(folder: Path, text: str, catalog: Catalog) -> list[str]:
    path = folder / "suite.yaml"
    path.write_text(text)
    with pytest.raises(BadSuite) as caught:
        read_suite(path, catalog)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{path}:") for line in lines)
    return [line.removeprefix(f"{path}:") for line in lines]


def one_sweep(**fields: str) -> str:
    """Write a suite of one sweep, its fields in alphabetical order from line 3 on."""
    listed = sorted({**SWEEP, **fields}.items())
    return "name: test\nsweeps:\n- " + "\n  ".join(f"{key}: {value}" for key, value in listed) + "\n"


@pytest.mark.parametrize(
    ("fields", "mistakes"),
    [
        ({"resolutions": "[-224]"}, [f"5: sweeps.0.resolutions.0: -224 is not a size; {SIZES}"]),
        ({"resolutions": "[0]"}, [f"5: sweeps.0.resolutions.0: 0 is not a size; {SIZES}"]),
        ({"resolutions": "[8193]"}, [f"5: sweeps.0.resolutions.0: 8193 is not a size; {SIZES}"]),
        ({"resolutions": "[8193x8]"}, [f"5: sweeps.0.resolutions.0: '8193x8' is not a size; {SIZES}"]),
        ({"resolutions": "[800x]"}, [f"5: sweeps.0.resolutions.0: '800x' is not a size; {SIZES}"]),
        ({"resolutions": "[0x224]"}, [f"5: sweeps.0.resolutions.0: '0x224' is not a size; {SIZES}"]),
        ({"resolutions": "[224 x 224]"}, [f"5: sweeps.0.resolutions.0: '224 x 224' is not a size; {SIZES}"]),
        ({"resolutions": "['224']"}, [f"5: sweeps.0.resolutions.0: '224' is not a size; {SIZES}"]),
        ({"resolutions": "[224.5]"}, [f"5: sweeps.0.resolutions.0: 224.5 is not a size; {SIZES}"]),
        ({"resolutions": "[true]"}, [f"5: sweeps.0.resolutions.0: true is not a size; {SIZES}"]),
        (
            {"resolutions": "[{height_px: 2, width_px: 2}]"},
            [f"5: sweeps.0.resolutions.0: a mapping is not a size; {SIZES}"],
        ),
        ({"resolutions": "[224, 288, -1]"}, [f"5: sweeps.0.resolutions.2: -1 is not a size; {SIZES}"]),
        ({"resolutions": "224"}, ["5: sweeps.0.resolutions: expected a list, not 224; write it as [224]"]),
        (
            {"resolutions": "{a: 1}"},
            ["5: sweeps.0.resolutions: expected a list, not a mapping; write it as [224]"],
        ),
        (
            {"resolutions": "[]"},
            [
                "5: sweeps.0.resolutions: the list is empty; allowed: one or more of "
                "224 for a square, 800x1280 for height x width, each 1 to 8192"
            ],
        ),
        ({"resolutions": ""}, ["5: sweeps.0.resolutions: has no value; give one or remove the line"]),
        (
            {"models": "deit_small"},
            ["4: sweeps.0.models: expected a list, not 'deit_small'; write it as [deit_small]"],
        ),
        ({"models": "[7]"}, ["4: sweeps.0.models.0: 7 is not a model; allowed: a key or glob as text"]),
        (
            {"models": "[]"},
            ["4: sweeps.0.models: the list is empty; allowed: one or more of a key or glob as text"],
        ),
        (
            {"models": "[deit_smal]"},
            [f"4: sweeps.0.models.0: unknown model 'deit_smal'; {KEYS}; did you mean 'deit_small'?"],
        ),
        (
            {"models": "[deit_small, mambaut_*]"},
            [f"4: sweeps.0.models.1: no model matches 'mambaut_*'; {KEYS}; did you mean 'mambaout_tiny'?"],
        ),
        ({"models": "[Q*]"}, [f"4: sweeps.0.models.0: no model matches 'Q*'; {KEYS}"]),
        (
            {"models": "['deit_*', '!deit_smal']"},
            [f"4: sweeps.0.models.1: unknown model 'deit_smal'; {KEYS}; did you mean 'deit_small'?"],
        ),
        (
            {"models": "['deit_*', '!*_small']"},
            ["4: sweeps.0.models: takes out every model that it names; remove a line that begins with '!'"],
        ),
        (
            {"models": "['!deit_*']"},
            ["4: sweeps.0.models: takes models out of none; name some before, such as '*', then '!deit_*'"],
        ),
        (
            {"task": "imagnet"},
            ["6: sweeps.0.task: unknown task 'imagnet'; allowed: imagenet, speed; did you mean 'imagenet'?"],
        ),
        ({"task": "[imagenet]"}, ["6: sweeps.0.task: a list is not the name of a task; allowed: text"]),
        (
            {"task": "speed", "measures": "[memory, accuracy]"},
            ["3: sweeps.0.measures.1: task speed allows no measure 'accuracy'; allowed: throughput, memory"],
        ),
        (
            {"measures": "[throughputs]"},
            [
                f"3: sweeps.0.measures.0: unknown measure 'throughputs'; allowed: {MEASURES}; "
                "did you mean 'throughput'?"
            ],
        ),
        ({"measures": "[3]"}, [f"3: sweeps.0.measures.0: 3 is not a measure; allowed: {MEASURES}"]),
        (
            {"measures": "throughput"},
            ["3: sweeps.0.measures: expected a list, not 'throughput'; write it as [throughput]"],
        ),
        (
            {"precisions": "[fp61]"},
            [
                f"5: sweeps.0.precisions.0: unknown precision 'fp61'; allowed: {PRECISIONS}; "
                "did you mean 'fp16'?"
            ],
        ),
        (
            {"modes": "[compile]"},
            [
                "5: sweeps.0.modes.0: unknown mode 'compile'; "
                "allowed: eager, compiled; did you mean 'compiled'?"
            ],
        ),
        (
            {"memory_formats": "[channel_last]"},
            [
                "4: sweeps.0.memory_formats.0: unknown memory format 'channel_last'; "
                "allowed: contiguous, channels_last; did you mean 'channels_last'?"
            ],
        ),
        (
            {"protocol": "strickt"},
            [
                "5: sweeps.0.protocol: unknown protocol 'strickt'; "
                "allowed: house, strict; did you mean 'strict'?"
            ],
        ),
        (
            {"protocol": "strict", "precisions": "[fp32, bf16]"},
            ["5: sweeps.0.precisions.1: protocol strict allows no precision 'bf16'; allowed: fp32, amp_fp16"],
        ),
        (
            {"protocol": "strict", "memory_formats": "[channels_last]"},
            [
                "4: sweeps.0.memory_formats.0: protocol strict allows no memory format 'channels_last'; "
                "allowed: contiguous"
            ],
        ),
        (
            {"protocol": "strict", "modes": "[compiled]"},
            ["5: sweeps.0.modes.0: protocol strict allows no mode 'compiled'; allowed: eager"],
        ),
        (
            {"protocol": "strict", "batch": "256"},
            ["3: sweeps.0.batch: protocol strict fixes the batch (256 on cuda); remove this line"],
        ),
        (
            {"protocol": "strict", "overrides": "{deit_small: {batch: 8, modes: [compiled]}}"},
            [
                "5: sweeps.0.overrides.deit_small.batch: protocol strict fixes the batch (256 on cuda); "
                "remove this line",
                "5: sweeps.0.overrides.deit_small.modes.0: protocol strict allows no mode 'compiled'; "
                "allowed: eager",
            ],
        ),
        (
            {"batch": "0"},
            ["3: sweeps.0.batch: 0 is not a batch; allowed: a whole number of images, 1 or more, or max"],
        ),
        (
            {"batch": "maxi"},
            [
                "3: sweeps.0.batch: 'maxi' is not a batch; "
                "allowed: a whole number of images, 1 or more, or max"
            ],
        ),
        (
            {"batch": "'8'"},
            ["3: sweeps.0.batch: '8' is not a batch; allowed: a whole number of images, 1 or more, or max"],
        ),
        (
            {"crop_pct": "1.1"},
            ["3: sweeps.0.crop_pct: 1.1 is not a crop; allowed: a number above 0, at most 1"],
        ),
        ({"crop_pct": "0"}, ["3: sweeps.0.crop_pct: 0 is not a crop; allowed: a number above 0, at most 1"]),
        (
            {"weights": "''"},
            ["7: sweeps.0.weights: '' is not weights; allowed: published, random or the path of a file"],
        ),
        (
            {"resolution": "[224]"},
            [f"5: sweeps.0.resolution: unknown field; allowed: {SWEEP_FIELDS}; did you mean 'resolutions'?"],
        ),
        (
            {"overrides": "{swin_*: {batch: 4}}"},
            ["5: sweeps.0.overrides.swin_*: matches no model of this sweep; allowed: deit_small"],
        ),
        (
            {"models": "['*']", "overrides": "{swin_tinny: {batch: 4}}"},
            [
                "5: sweeps.0.overrides.swin_tinny: matches no model of this sweep; allowed: deit_small, "
                "mambaout_tiny, mambaout_small, swin_tiny; did you mean 'swin_tiny'?"
            ],
        ),
        (
            {"overrides": "{deit_small: {batches: 4, task: speed}}"},
            [
                "5: sweeps.0.overrides.deit_small.batches: unknown field; allowed: resolutions, precisions, "
                "memory_formats, modes, batch, measures, crop_pct, weights, scan_backend, true_inverse, "
                "scales, windows; "
                "did you mean 'batch'?",
                "5: sweeps.0.overrides.deit_small.task: unknown field; allowed: resolutions, precisions, "
                "memory_formats, modes, batch, measures, crop_pct, weights, scan_backend, true_inverse, "
                "scales, windows",
            ],
        ),
        (
            {"overrides": "{deit_small: 4}"},
            ["5: sweeps.0.overrides.deit_small: 4 is not an override; allowed: a mapping"],
        ),
        (
            {"overrides": "[deit_small]"},
            ["5: sweeps.0.overrides: a list is not an override; allowed: a mapping"],
        ),
        (
            {"overrides": "{deit_small: {resolutions: [224, 0]}}"},
            [f"5: sweeps.0.overrides.deit_small.resolutions.1: 0 is not a size; {SIZES}"],
        ),
    ],
)
def test_mistakes_in_a_sweep(
    tmp_path: Path, catalog: Catalog, fields: dict[str, str], mistakes: list[str]
) -> None:
    assert errors(tmp_path, one_sweep(**fields), catalog) == mistakes


@pytest.mark.parametrize("field", sorted(SWEEP))
def test_missing_fields(tmp_path: Path, catalog: Catalog, field: str) -> None:
    examples = {
        "models": "[deit_small]",
        "task": "imagenet",
        "resolutions": "[224]",
        "measures": "[accuracy]",
    }
    text = one_sweep().replace("- ", "- batch: 4\n  ", 1).replace(f"  {field}: {SWEEP[field]}\n", "")
    assert errors(tmp_path, text, catalog) == [
        f"3: sweeps.0.{field}: is missing; add `{field}: {examples[field]}`"
    ]


ADD_SWEEPS = (
    "sweeps: is missing; add `sweeps: [{models: [deit_small], task: imagenet, "
    "resolutions: [224], measures: [throughput]}]`"
)


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("{}", ["1: name: is missing; add `name: my-suite`", f"1: {ADD_SWEEPS}"]),
        ("\n\nname: x\n", [f"3: {ADD_SWEEPS}"]),
        ("name: x\nsweeps:\n", ["2: sweeps: has no value; give one or remove the line"]),
        (
            "name: x\nsweeps: []\n",
            [
                "2: sweeps: the list is empty; allowed: one or more of "
                "a mapping with models, task, resolutions, measures"
            ],
        ),
        (
            "name: x\nsweeps: [3]\n",
            ["2: sweeps.0: 3 is not a sweep; allowed: a mapping with models, task, resolutions, measures"],
        ),
        (
            "name: x\nsweeps: 5\n",
            [
                "2: sweeps: expected a list, not 5; write it as "
                "[{models: [deit_small], task: imagenet, resolutions: [224], measures: [throughput]}]"
            ],
        ),
        ("- 1\n- 2\n", ["1: a list is not a suite; expected a mapping with name and sweeps"]),
        ("text\n", ["1: 'text' is not a suite; expected a mapping with name and sweeps"]),
    ],
)
def test_suites_without_content(tmp_path: Path, catalog: Catalog, text: str, mistakes: list[str]) -> None:
    assert errors(tmp_path, text, catalog) == mistakes


NAMES = "is not a suite name; allowed: lower-case letters, digits, _ and -"


@pytest.mark.parametrize(
    ("head", "mistakes"),
    [
        ("name: Image Net", [f"1: name: 'Image Net' {NAMES}"]),
        ("name: ../x", [f"1: name: '../x' {NAMES}"]),
        ("name: ''", [f"1: name: '' {NAMES}"]),
        ("name: 7", [f"1: name: 7 {NAMES}"]),
        ('name: "x\\n"', [f"1: name: 'x\\n' {NAMES}"]),
        (
            "name: x\nprotocol: hous",
            ["2: protocol: unknown protocol 'hous'; allowed: house, strict; did you mean 'house'?"],
        ),
        ("name: x\nprotocol: 3", ["2: protocol: 3 is not the name of a protocol; allowed: text"]),
        (
            "name: x\ngates: [last_nite]",
            [
                "2: gates.0: unknown gate 'last_nite'; "
                "allowed: reported, last_night; did you mean 'last_night'?"
            ],
        ),
        ("name: x\ndata: ''", ["2: data: '' is not a folder; allowed: text"]),
        ("name: x\nlimits: 900", ["2: limits: 900 is not limits; allowed: a mapping"]),
        (
            "name: x\nlimits:\n  cell_s: 0\n  corrupt_images: -1\n  loader_workers: 1.5\n  eval_batch: 0",
            [
                "3: limits.cell_s: 0 is not a time limit; allowed: a number of seconds above 0",
                "4: limits.corrupt_images: -1 is not a number of images; allowed: a whole number, 0 or more",
                "5: limits.loader_workers: 1.5 is not a number of processes; "
                "allowed: a whole number, 0 or more",
                "6: limits.eval_batch: 0 is not a number of images; allowed: a whole number, 1 or more",
            ],
        ),
        (
            "name: x\nlimits: {cell_s: .inf, corrupt_images: true}",
            [
                "2: limits.cell_s: '.inf' is not a time limit; allowed: a number of seconds above 0",
                "2: limits.corrupt_images: true is not a number of images; "
                "allowed: a whole number, 0 or more",
            ],
        ),
        (
            "name: x\nlimits: {cells: 3}",
            [
                "2: limits.cells: unknown field; "
                "allowed: cell_s, corrupt_images, loader_workers, eval_batch; "
                "did you mean 'cell_s'?"
            ],
        ),
        (
            "name: x\nsweep: 1",
            [
                "2: sweep: unknown field; allowed: name, description, protocol, data, limits, scoring, "
                "gates, sweeps; "
                "did you mean 'sweeps'?"
            ],
        ),
        ("name: x\nname: y", ["2: name: given twice, first on line 1; remove one"]),
    ],
)
def test_mistakes_at_the_top(tmp_path: Path, catalog: Catalog, head: str, mistakes: list[str]) -> None:
    text = one_sweep().replace("name: test", head)
    assert errors(tmp_path, text, catalog) == mistakes


def test_all_mistakes_come_at_once_in_the_order_of_the_file(tmp_path: Path, catalog: Catalog) -> None:
    text = """\
name: Everything
protocol: strict
sweeps:
  - models: [deit_smal, 3, swin_*]
    task: speed
    resolutions: [0, 224, 800x0]
    precisions: [fp8, bf16]
    measures: [accuracy, speed]
    overrides:
      swn_tiny: {batch: -1}
  - models: [deit_small]
    task: imagenet
    task: speed
    batch:
"""
    assert [line.split(": ")[:2] for line in errors(tmp_path, text, catalog)] == [
        ["1", "name"],
        ["4", "sweeps.0.models.0"],
        ["4", "sweeps.0.models.1"],
        ["6", "sweeps.0.resolutions.0"],
        ["6", "sweeps.0.resolutions.2"],
        ["7", "sweeps.0.precisions.0"],
        ["7", "sweeps.0.precisions.1"],
        ["8", "sweeps.0.measures.0"],
        ["8", "sweeps.0.measures.1"],
        ["10", "sweeps.0.overrides.swn_tiny"],
        ["10", "sweeps.0.overrides.swn_tiny.batch"],
        ["11", "sweeps.1.resolutions"],
        ["11", "sweeps.1.measures"],
        ["13", "sweeps.1.task"],
        ["14", "sweeps.1.batch"],
    ]


def test_an_override_is_not_blamed_for_a_model_misspelt_above(tmp_path: Path, catalog: Catalog) -> None:
    text = one_sweep(models="[swin_tinny]", overrides="{swin_tiny: {batch: 2}}")
    assert [line.split(": ")[1] for line in errors(tmp_path, text, catalog)] == ["sweeps.0.models.0"]


@pytest.mark.parametrize(
    ("fields", "mistake"),
    [
        (
            {"scan_backend": "tritn"},
            "6: sweeps.0.scan_backend: unknown scan backend 'tritn'; "
            "allowed: auto, reference, torch, triton, mamba_ssm; did you mean 'triton'?",
        ),
        (
            {"scan_backend": "3"},
            "6: sweeps.0.scan_backend: 3 is not a scan backend; "
            "allowed: auto, reference, torch, triton, mamba_ssm",
        ),
        (
            {"scales": "many"},
            "6: sweeps.0.scales: unknown choice of scales 'many'; allowed: single, multi",
        ),
        (
            {"windows": "slid"},
            "7: sweeps.0.windows: unknown choice of windows 'slid'; allowed: auto, whole, slide; "
            "did you mean 'slide'?",
        ),
        (
            {"true_inverse": "published"},
            "7: sweeps.0.true_inverse: 'published' is not a choice; allowed: true or false",
        ),
        (
            {"models": "[deit_small, vim_tiny]", "true_inverse": "true"},
            "7: sweeps.0.true_inverse: no model here has this choice; remove this line, or add one of "
            "local_vmamba_tiny, local_vmamba_small, localvim_tiny, localvim_small, "
            "localvim_small_unsearched, localvim_tiny_middle_cls_token, micro_local_vmamba",
        ),
        (
            {"models": "[deit_small, localvim_tiny]", "overrides": "{deit_*: {true_inverse: true}}"},
            "5: sweeps.0.overrides.deit_*.true_inverse: no model here has this choice; remove this line, or "
            "add one of local_vmamba_tiny, local_vmamba_small, localvim_tiny, localvim_small, "
            "localvim_small_unsearched, localvim_tiny_middle_cls_token, micro_local_vmamba",
        ),
    ],
)
def test_mistakes_in_scan_choices(
    tmp_path: Path, whole_catalog: Catalog, fields: dict[str, str], mistake: str
) -> None:
    text = one_sweep(**{"models": "[deit_small, localvim_tiny]", **fields})
    assert errors(tmp_path, text, whole_catalog) == [mistake]


def test_long_values_are_shortened(tmp_path: Path, catalog: Catalog) -> None:
    (message,) = errors(tmp_path, one_sweep(resolutions=f"[{'9' * 5000}]"), catalog)
    assert message == f"5: sweeps.0.resolutions.0: '{'9' * 56}... is not a size; {SIZES}"


def test_a_whole_suite(tmp_path: Path, catalog: Catalog) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text("""\
# yaml-language-server: $schema=suite.schema.json
name: whole-suite_1
description: Everything a suite can say.
protocol: strict
data: images
limits: {cell_s: 60, corrupt_images: 2, loader_workers: 0, eval_batch: 16}
gates: [reported, last_night]
sweeps:
  - models: [mambaout_*, deit_small]
    task: imagenet
    resolutions: [224, 800x1280]
    precisions: [bf16]
    memory_formats: [channels_last]
    modes: [compiled]
    batch: max
    measures: [accuracy, latency]
    protocol: house
    crop_pct: 1
    weights: random
    overrides:
      mambaout_*: {batch: 64, crop_pct: 0.9, weights: a/b.pth, resolutions: [8192]}
""")
    assert read_suite(path, catalog) == Suite(
        name="whole-suite_1",
        description="Everything a suite can say.",
        protocol="strict",
        data="images",
        limits=Limits(cell_s=60, corrupt_images=2, loader_workers=0, eval_batch=16),
        gates=("reported", "last_night"),
        sweeps=(
            Sweep(
                models=("mambaout_*", "deit_small"),
                task="imagenet",
                resolutions=(Size(height_px=224, width_px=224), Size(height_px=800, width_px=1280)),
                precisions=("bf16",),
                memory_formats=("channels_last",),
                modes=("compiled",),
                batch="max",
                measures=("accuracy", "latency"),
                protocol="house",
                crop_pct=1,
                weights="random",
                overrides={
                    "mambaout_*": Override(
                        batch=64,
                        crop_pct=0.9,
                        weights="a/b.pth",
                        resolutions=(Size(height_px=8192, width_px=8192),),
                    )
                },
            ),
        ),
    )


def test_defaults(tmp_path: Path, catalog: Catalog) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(one_sweep())
    suite = read_suite(path, catalog)
    assert (suite.protocol, suite.data, suite.gates, suite.description) == ("house", None, (), "")
    assert suite.limits == Limits(cell_s=900, corrupt_images=0, loader_workers=4, eval_batch=64)
    assert suite.sweeps[0].batch is None


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path, catalog: Catalog) -> None:
    path = tmp_path / "suite.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + one_sweep().encode())
    assert read_suite(path, catalog).name == "test"


@pytest.mark.parametrize(
    ("fields", "mistake"),
    [
        (
            {"models": "[mambaout_tiny]", "task": "coco"},
            "4: sweeps.0.models.0: 'mambaout_tiny' is for classification and task coco for detection; "
            "allowed: mask_rcnn-convnext_tiny, mask_rcnn-convnext_small, mask_rcnn-convnext_base, "
            "mask_rcnn-local_vmamba_tiny, mask_rcnn-local_vmamba_small, mask_rcnn-mambaout_tiny, "
            "mask_rcnn-mambaout_small, mask_rcnn-mambaout_base and 14 more",
        ),
        (
            {"models": "['upernet-vim_*', 'mask_rcnn-*']", "task": "coco"},
            "4: sweeps.0.models.0: 'upernet-vim_*' is for segmentation and task coco for detection; allowed: "
            "mask_rcnn-convnext_tiny, mask_rcnn-convnext_small, mask_rcnn-convnext_base, "
            "mask_rcnn-local_vmamba_tiny, mask_rcnn-local_vmamba_small, mask_rcnn-mambaout_tiny, "
            "mask_rcnn-mambaout_small, mask_rcnn-mambaout_base and 14 more",
        ),
        (
            {"models": "['mask_rcnn-*']", "task": "coco", "measures": "[throughput]"},
            "3: sweeps.0.measures.0: task coco allows no measure 'throughput'; "
            "allowed: accuracy, fps, backbone_throughput, memory, complexity",
        ),
    ],
)
def test_models_of_another_kind_are_named(
    tmp_path: Path, whole_catalog: Catalog, fields: dict[str, str], mistake: str
) -> None:
    text = one_sweep(**{"measures": "[complexity]", **fields})
    assert errors(tmp_path, text, whole_catalog) == [mistake]

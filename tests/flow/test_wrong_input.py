"""Every kind of wrong input: the exact message, the exit code, and nothing that was measured is lost."""

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flow.conftest import Bench

WriteSuite = Callable[..., str]


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        (
            {"models": "[mambaout_tinny]"},
            "s.yaml:4: sweeps.0.models.0: unknown model 'mambaout_tinny'",
        ),
        ({"models": "[vgg*]"}, "s.yaml:4: sweeps.0.models.0: no model matches 'vgg*'"),
        ({"resolutions": "[-224]"}, "s.yaml:6: sweeps.0.resolutions.0:"),
        ({"resolutions": "[224x]"}, "s.yaml:6: sweeps.0.resolutions.0:"),
        ({"batch": "many"}, "s.yaml:8: sweeps.0.batch:"),
        ({"measure": "[latency]"}, "s.yaml:8: sweeps.0.measure: unknown field; "),
        ({"task": "imagenett"}, "s.yaml:5: sweeps.0.task: unknown task 'imagenett'"),
        ({"precisions": "[fp31]"}, "s.yaml:8: sweeps.0.precisions.0: unknown precision 'fp31'"),
    ],
)
def test_mistakes_in_a_suite(
    bench: Bench, write_suite: WriteSuite, sweep: dict[str, str], message: str
) -> None:
    ended = bench(write_suite(**sweep))
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_all_mistakes_at_once(bench: Bench, write_suite: WriteSuite) -> None:
    ended = bench(write_suite(models="[nothing]", task="imagenett", resolutions="[0]"))
    assert ended.code == 2
    assert [line.removeprefix("bench: ").split(": ")[:2] for line in ended.err.splitlines()] == [
        ["s.yaml:4", "sweeps.0.models.0"],
        ["s.yaml:5", "sweeps.0.task"],
        ["s.yaml:6", "sweeps.0.resolutions.0"],
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("name: s\nsweeps: []\n", "sweeps"),
        ("name: [s\n", "s.yaml:2: column 1: not YAML"),
        ("- a\n", "mapping"),
    ],
)
def test_files_that_are_no_suite(bench: Bench, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    ended = bench("s.yaml")
    assert ended.code == 2
    assert message in ended.err


def test_a_suite_that_is_not_there(bench: Bench) -> None:
    ended = bench("suites/none.yaml")
    assert ended.code == 2
    assert "suites/none.yaml" in ended.err


def test_a_gpu_that_is_not_there(bench: Bench, write_suite: WriteSuite) -> None:
    ended = bench(write_suite(), "--device", "cuda:3")
    assert ended.code == 2
    assert (
        "device 'cuda:3' is not there; this machine has cpu; CUDA_VISIBLE_DEVICES='' hides all others"
        in ended.err
    )


def test_a_device_that_is_none(bench: Bench, write_suite: WriteSuite) -> None:
    ended = bench(write_suite(), "--device", "tpu")
    assert ended.code == 2
    assert "device 'tpu' is not one of auto, cpu, cuda, cuda:<index>" in ended.err


def test_only_that_matches_nothing(bench: Bench, write_suite: WriteSuite) -> None:
    ended = bench(write_suite(), "--only", "*/latency")
    assert ended.code == 2
    assert "no cell matches '*/latency'" in ended.err
    assert "mobilenetv3_small/quickstart/32x32/fp32/complexity" in ended.err


def test_missing_data_is_blocked_and_says_where_it_looked(bench: Bench, write_suite: WriteSuite) -> None:
    suite = write_suite(task="imagenet", measures="[accuracy]", weights="random")
    ended = bench(suite, "--data", "nowhere")
    assert ended.code == 0
    assert "blocked  mobilenetv3_small/imagenet/32x32/fp32/accuracy/random_weights" in ended.err
    assert "looked at nowhere/imagenet (no such folder)" in ended.err
    assert bench(suite, "--data", "nowhere", "--strict").code == 1


def test_a_flat_validation_folder_is_named(bench: Bench, write_suite: WriteSuite, tmp_path: Path) -> None:
    val = tmp_path / "data" / "imagenet" / "val"
    val.mkdir(parents=True)
    (val / "ILSVRC2012_val_00000001.JPEG").write_bytes(b"")
    suite = write_suite(task="imagenet", measures="[accuracy]", weights="random")
    name, why = "mobilenetv3_small/imagenet/32x32/fp32/accuracy/random_weights", "missing data: "
    ended = bench(suite)
    assert ended.code == 0
    assert f"blocked  {name}: {why}" in ended.err
    assert "data/imagenet/val holds images but no class folders" in ended.err
    # the plan says the same
    planned = json.loads(bench(suite, "--plan", "--json").out)["cells"]
    assert [(cell["name"], cell["state"]) for cell in planned] == [(name, "blocked")]
    assert planned[0]["why"].startswith(why)
    assert bench(suite, "--strict").code == 1


def test_no_weights_while_offline(bench: Bench, write_suite: WriteSuite, tmp_path: Path) -> None:
    suite = write_suite(measures="[accuracy]")
    ended = bench(suite, env={"BENCH_OFFLINE": "1", "TORCH_HOME": str(tmp_path), "HF_HOME": str(tmp_path)})
    assert ended.code == 0
    assert "is not in the cache and this machine is set offline; put the file at" in ended.err


def test_a_results_folder_that_is_a_file(bench: Bench, write_suite: WriteSuite, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    ended = bench(write_suite(), "--results", "taken")
    assert ended.code == 2
    assert "taken: cannot write results" in ended.err


def record_paths(folder: Path) -> list[Path]:
    return sorted((folder / "results" / "records").rglob("*.json"))


def test_damaged_records_are_named_and_measured_again(
    bench: Bench, write_suite: WriteSuite, tmp_path: Path
) -> None:
    suite = write_suite()
    assert bench(suite).code == 0
    (path,) = record_paths(tmp_path)
    path.write_text(path.read_text(encoding="utf-8")[:100], encoding="utf-8")
    ended = bench(suite)
    assert ended.code == 0
    assert f"warning: {path.relative_to(tmp_path)}: truncated or damaged" in ended.err
    assert len(record_paths(tmp_path)) == 2


def test_records_of_a_newer_bench_are_refused(bench: Bench, write_suite: WriteSuite, tmp_path: Path) -> None:
    suite = write_suite()
    assert bench(suite).code == 0
    (path,) = record_paths(tmp_path)
    newer = json.dumps({**json.loads(path.read_text(encoding="utf-8")), "schema_version": 99})
    path.write_text(newer, encoding="utf-8")
    ended = bench(suite)
    assert ended.code == 2
    assert "written by a newer bench (schema 99, this bench reads up to 2); update the bench" in ended.err
    assert path.read_text(encoding="utf-8") == newer


def test_a_second_run_on_one_results_folder_is_refused(
    bench: Bench, write_suite: WriteSuite, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    results.mkdir()
    descriptor = os.open(results / ".lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    ended = bench(write_suite())
    assert ended.code == 2
    assert "is writing results there; wait for it, or name another folder with --results DIR" in ended.err
    os.close(descriptor)
    assert bench("s.yaml").code == 0


def test_json_without_plan(bench: Bench, write_suite: WriteSuite) -> None:
    ended = bench(write_suite(), "--json")
    assert ended.code == 2
    assert "--json goes with --plan" in ended.err

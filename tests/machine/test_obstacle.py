"""What a cell would end with here, known before anything is started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.catalog import read
from bench.machine import data, openmmlab, weights
from bench.machine.obstacle import Obstacles
from bench.spec.card import TaskCard
from bench.spec.errors import CellError, MissingData, MissingExtra, MissingWeights, Unsupported
from tests.records import make_cell

Find = Callable[..., CellError | None]


@pytest.fixture
def find(tmp_path: Path) -> Find:
    """Return a function that looks for what is in the way of a cell on the CPU."""

    def of(checkpoint: str = "deit_tiny", measure: Any = "throughput", **fields: Any) -> CellError | None:
        obstacles = Obstacles(read.models(), read.tasks(), tmp_path)
        return obstacles.find(make_cell(checkpoint, measure, **({"device": "cpu"} | fields)))

    return of


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return an empty folder that is the only one where programs are looked for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    return folder


def put(folder: Path, name: str) -> None:
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


def test_nothing_is_in_the_way_of_speed_memory_and_complexity(find: Find) -> None:
    for measure in ("throughput", "latency", "memory", "complexity"):
        assert find(measure=measure) is None


@pytest.mark.parametrize("measure", ["accuracy", "throughput", "memory"])
def test_a_cpu_has_no_tf32(find: Find, measure: str) -> None:
    error = find(measure=measure, precision="tf32")
    assert isinstance(error, Unsupported)
    assert str(error) == (
        "tf32 needs an NVIDIA GPU of compute capability 8.0 or newer; a CPU can measure fp32: "
        "set `precisions` or --device"
    )
    assert find(measure=measure, precision="tf32", device="cuda", weights="random", task="quickstart") is None


@pytest.mark.parametrize("measure", ["accuracy", "throughput", "complexity"])
def test_sizes_that_are_not_whole_patches(find: Find, measure: str) -> None:
    error = find(measure=measure, height_px=230)
    assert isinstance(error, Unsupported)
    assert str(error) == (
        "deit_tiny takes heights and widths that are multiples of 16 px, not 230x224; "
        "the nearest size is 224x224"
    )
    assert "not 224x5; the nearest size is 224x4" in str(find("swin_tiny", measure=measure, width_px=5))
    assert "the nearest size is 16x224" in str(find(measure=measure, height_px=1))
    assert find("resnet18", height_px=230) is None
    assert find("swin_tiny", height_px=228) is None


def test_sizes_that_our_networks_cannot_take(find: Find) -> None:
    assert str(find("vim_tiny", height_px=230)) == (
        "vim_tiny takes heights and widths that are multiples of 16 px, not 230x224; "
        "the nearest size is 224x224"
    )
    assert str(find("vim_tiny_stride8", height_px=8, width_px=100)) == (
        "vim_tiny_stride8 takes heights and widths that are multiples of 8 px and of at least 16 px, "
        "not 8x100; the nearest size is 16x96"
    )
    assert str(find("vmamba_v0_tiny", width_px=3)) == (
        "vmamba_v0_tiny takes heights and widths of at least 4 px, not 224x3; the nearest size is 224x4"
    )
    for key in ("vmamba_tiny_s1l8", "localvim_tiny"):
        assert find(key, height_px=1, width_px=231) is None


def test_weights_that_nobody_published_say_so(find: Find) -> None:
    error = find("local_vmamba_tiny", measure="accuracy", task="quickstart")
    assert isinstance(error, MissingWeights)
    assert str(error) == (
        "no public weights of local_vmamba_tiny: its authors have announced a retraining and published no "
        "file since; name a file as `weights` in the suite"
    )


def test_compiled_cells_need_a_compiler_on_a_cpu(find: Find, path: Path) -> None:
    error = find(mode="compiled")
    assert isinstance(error, Unsupported)
    assert str(error) == (
        "compiled cells need a C++ compiler on a CPU, and there is no g++; install it, or set CXX to another"
    )
    assert find(mode="eager") is None
    assert find(mode="compiled", device="cuda") is None
    put(path, "g++")
    assert find(mode="compiled") is None


def test_the_compiler_is_the_one_that_torch_takes(
    find: Find, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(path, "c++")
    assert find(mode="compiled") is not None
    monkeypatch.setenv("CXX", "my-c++ -pipe")
    assert "there is no my-c++" in str(find(mode="compiled"))
    put(path, "my-c++")
    assert find(mode="compiled") is None
    monkeypatch.delenv("CXX")
    monkeypatch.setattr("sys.platform", "darwin")
    put(path, "clang++")
    assert find(mode="compiled") is None


def test_accuracy_needs_data_then_weights(
    find: Find, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "find", lambda *_: None)
    monkeypatch.setenv("BENCH_OFFLINE", "1")
    assert isinstance(find(measure="accuracy"), MissingData)
    assert isinstance(find(measure="accuracy", task="quickstart"), MissingWeights)
    assert find(measure="accuracy", task="quickstart", weights="random") is None
    error = find(measure="accuracy", task="quickstart", weights="mine.pth")
    assert str(error) == "no file mine.pth; correct `weights` in the suite"


def test_each_data_set_is_looked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def locate(task: TaskCard, _: Path) -> data.Located:
        looked.append(task.key)
        raise MissingData("not here")

    monkeypatch.setattr(data, "locate", locate)
    obstacles = Obstacles(read.models(), read.tasks(), tmp_path)
    for checkpoint in ("deit_tiny", "resnet18"):
        for size in (224, 288):
            assert str(obstacles.find(make_cell(checkpoint, "accuracy", height_px=size))) == "not here"
    assert looked == ["imagenet"]


def test_a_detector_without_the_extra_is_blocked_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    obstacles = Obstacles(read.every_model(), read.tasks(), tmp_path)
    detector = make_cell("mask_rcnn-vim_tiny", "complexity", device="cpu")
    for key in ("mask_rcnn-mambaout_tiny", "upernet-vim_tiny"):
        cell = detector.model_copy(update={"checkpoint": key, "height_px": 64, "width_px": 64})
        monkeypatch.setattr(openmmlab, "PACKAGES", ("torch", "no_such_package"))
        error = obstacles.find(cell)
        assert isinstance(error, MissingExtra)
        assert str(error) == (
            f"{key} needs no_such_package, not installed here; run: pip install -e '.[dense]'"
        )
        monkeypatch.setattr(openmmlab, "PACKAGES", ("torch",))
        assert obstacles.find(cell) is None
    # classifiers need none of it
    monkeypatch.setattr(openmmlab, "PACKAGES", ("no_such_package",))
    assert obstacles.find(detector.model_copy(update={"checkpoint": "deit_tiny"})) is None

"""Which backends of the selective scan a machine has, without torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.catalog import read
from bench.machine import scans
from bench.machine.obstacle import Obstacles
from bench.spec.errors import MissingExtra, Unsupported
from tests.records import make_cell

Install = Callable[..., None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that says which packages are installed."""
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)

    def only(*packages: str) -> None:
        monkeypatch.setattr(scans, "find_spec", lambda name: name if name in packages else None)

    return only


def test_what_runs_where(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install()
    assert scans.can_run("cpu") == scans.can_run("cuda") == ("reference", "torch")
    install("triton", "mamba_ssm")
    assert scans.can_run("cpu") == ("reference", "torch")
    assert scans.can_run("cuda") == ("reference", "torch", "triton", "mamba_ssm")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert scans.can_run("cpu") == ("reference", "torch", "triton")


def test_the_fastest_that_there_is_always_runs(install: Install) -> None:
    install()
    assert scans.obstacle("auto", "cpu") is scans.obstacle("auto", "cuda") is None


def test_why_a_backend_does_not_run(install: Install) -> None:
    install("triton")
    missing, no_gpu = scans.obstacle("mamba_ssm", "cuda"), scans.obstacle("triton", "cpu")
    assert isinstance(missing, MissingExtra)
    assert str(missing) == (
        "scan backend mamba_ssm needs the package mamba_ssm, which is not installed; use torch or auto"
    )
    assert isinstance(no_gpu, Unsupported)
    assert str(no_gpu) == "scan backend triton needs an NVIDIA GPU; use torch or auto, or set --device"


def test_a_cell_is_blocked_by_its_backend(install: Install, tmp_path: Path) -> None:
    install("triton")
    obstacles = Obstacles(read.models(), read.tasks(), tmp_path)
    asked = make_cell("vim_tiny", "throughput", scan_backend="triton", device="cpu")
    assert str(obstacles.find(asked)).startswith("scan backend triton needs an NVIDIA GPU")
    assert obstacles.find(asked.model_copy(update={"device": "cuda"})) is None
    assert obstacles.find(asked.model_copy(update={"scan_backend": "torch"})) is None

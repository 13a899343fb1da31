"""A small catalog with rules of every kind, and suites written on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.catalog import read
from bench.catalog.read import Catalog
from bench.plan.suite import Suite, read_suite
from bench.spec.cell import Cell

MODELS = ("deit_small", "mambaout_tiny", "mambaout_small", "swin_tiny")


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """Four models; a task without accuracy; a protocol that fixes its batch and allows little."""
    imagenet, house = read.tasks()["imagenet"], read.protocols()["house"]
    speed = imagenet.model_copy(update={"key": "speed", "measures": ("throughput", "memory")})
    strict = {
        "key": "strict",
        "precisions": ("fp32", "amp_fp16"),
        "memory_formats": ("contiguous",),
        "modes": ("eager",),
        "batch_images": {"cuda": 256},
        "batch_fixed": True,
    }
    return Catalog(
        {key: read.models()[key] for key in MODELS},
        {"imagenet": imagenet, "speed": speed},
        {"house": house, "strict": house.model_copy(update=strict)},
    )


@pytest.fixture(scope="session")
def whole_catalog() -> Catalog:
    """Everything the bench knows."""
    return read.catalog()


@pytest.fixture
def suite_of(tmp_path: Path, catalog: Catalog) -> Callable[[str], Suite]:
    """Read a suite from its sweeps, written in YAML."""
    return _reader(tmp_path, catalog)


@pytest.fixture
def suite_of_all(tmp_path: Path, whole_catalog: Catalog) -> Callable[[str], Suite]:
    """Read a suite that may name everything the bench knows."""
    return _reader(tmp_path, whole_catalog)


def _reader(tmp_path: Path, catalog: Catalog) -> Callable[[str], Suite]:
    def write_and_read(sweeps: str) -> Suite:
        path = tmp_path / "suite.yaml"
        path.write_text(f"name: test\nsweeps:\n{sweeps}")
        return read_suite(path, catalog)

    return write_and_read


@pytest.fixture
def cell() -> Cell:
    """Return a plain throughput cell, to be copied with changes."""
    return Cell(
        checkpoint="deit_small",
        task="imagenet",
        task_digest="0" * 12,
        height_px=224,
        width_px=224,
        precision="fp32",
        measure="throughput",
        device="cpu",
        protocol="house",
        protocol_digest="1" * 12,
    )

"""Cards, and caches that belong to one test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from bench.catalog import read
from bench.spec.card import ModelCard

MakeCard = Callable[..., ModelCard]


@pytest.fixture(autouse=True)
def _own_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("BENCH_OFFLINE", "1")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Compute in one thread: several that wait for each other on a busy machine take ten times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def make_card() -> MakeCard:
    def make(key: str = "mambaout_femto", **fields: object) -> ModelCard:
        return read.models()[key].model_copy(update=fields)

    return make

"""Jobs on the CPU with a network of a few hundred parameters and protocols of a few milliseconds."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from bench import zoo
from bench.catalog import read
from bench.machine.identity import Device
from bench.run.recipe import Recipe
from bench.spec.cell import Cell
from bench.spec.job import Job
from bench.spec.protocol import TimingWindows, WarmupConvergence

MakeJob = Callable[..., Job]
CPU = Device("cpu", 0, "some CPU")
QUICK = {
    "warmup": WarmupConvergence(min_s=0.01, max_s=0.1),
    "timing": TimingWindows(min_windows=4, max_windows=5, window_s=0.005, target_spread=0.005, max_s=1.0),
}


class Tiny(nn.Module):
    """A convolution and a linear layer: 10 logits."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=4)
        self.head = nn.Linear(4, 10)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(torch.relu(self.conv(x)).mean((2, 3)))
        return logits


def build_cell(**fields: object) -> Cell:
    values = {
        "checkpoint": "mambaout_femto",
        "task": "quickstart",
        "task_digest": "0" * 12,
        "height_px": 32,
        "width_px": 48,
        "precision": "fp32",
        "measure": "throughput",
        "device": "cpu",
        "protocol": "house",
        "protocol_digest": "0" * 12,
        "batch": 4,
    }
    return Cell.model_validate(values | fields)


@pytest.fixture
def make_job(tmp_path: Path) -> MakeJob:
    """Return a function from fields of a cell, and of its protocol, to a job."""
    recipe = Recipe(read.models(), read.tasks(), read.protocols(), tmp_path, CPU, limit_s=60)

    def make(protocol: dict[str, object] | None = None, **fields: object) -> Job:
        job = recipe.job(build_cell(**fields))
        quick = job.protocol.model_copy(update=QUICK | (protocol or {}))
        return job.model_copy(update={"protocol": quick})

    return make


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """Make every card load the tiny network, the same each time."""
    torch.manual_seed(0)
    model = Tiny().eval()
    monkeypatch.setattr(zoo, "load", lambda *_, **__: zoo.Loaded(model, "f" * 64))
    return model


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

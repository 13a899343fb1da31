"""Peak memory on the CPU; the figures of a GPU are tested on one."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from bench import zoo
from bench.metrics.registry import metrics
from bench.spec.job import Job
from bench.tasks.speed import memory
from bench.tasks.speed.memory import weights_bytes

MakeJob = Callable[..., Job]
MIB = 2**20


class Hungry(nn.Module):
    """Needs 256 MiB for a moment, whatever the batch."""

    def forward(self, x: Tensor) -> Tensor:
        block = torch.ones(64 * MIB)
        return x.mean((2, 3)) + block[-1]


def test_weights_are_counted_in_the_precision_they_have(tiny: nn.Module) -> None:
    # 4 * 3 * 3 * 3 + 4 and 10 * 4 + 10
    assert weights_bytes(tiny) == 4 * (112 + 50)
    assert weights_bytes(tiny.half()) == 2 * (112 + 50)


def test_buffers_are_part_of_the_weights() -> None:
    assert weights_bytes(nn.BatchNorm2d(8)) == 4 * 4 * 8 + 8


def test_a_cpu_has_the_peak_of_the_process(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo, "load", lambda *_, **__: zoo.Loaded(Hungry(), None))
    measured = memory.measure(make_job(measure="memory", batch=2)).measured
    baseline = measured.details["baseline_process_bytes"]
    assert isinstance(baseline, int)
    assert 250 * MIB < measured.values["peak_process_bytes"] - baseline < 330 * MIB
    assert measured.details["peak_process_since"] == "the first timed step"
    assert measured.details["steps"] == 3
    assert measured.values["weights_bytes"] == 0
    assert measured.flags == ()


@pytest.mark.usefixtures("tiny")
def test_figures_of_a_gpu_are_left_out(make_job: MakeJob) -> None:
    values = memory.measure(make_job(measure="memory", batch=5)).measured.values
    assert set(values) == {"peak_process_bytes", "weights_bytes", "batch_images"}
    assert values["batch_images"] == 5
    assert set(values) <= set(metrics())

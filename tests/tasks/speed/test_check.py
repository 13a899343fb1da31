"""Outputs of the timed configuration against eager fp32."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from bench.spec.errors import CellError
from bench.spec.job import Job
from bench.tasks.speed.check import BOUNDS, OutputCheck, reference_outputs, relative_error

MakeJob = Callable[..., Job]


def test_the_error_is_relative_to_the_reference() -> None:
    expected = torch.tensor([[3.0, 0.0], [0.0, 4.0]])
    assert relative_error(expected, expected) == 0.0
    assert relative_error(expected + torch.tensor([[0.3, 0.0], [0.0, 0.4]]), expected) == pytest.approx(0.1)


def test_a_reference_of_zeros_gives_a_finite_error() -> None:
    zeros = torch.zeros(2, 2)
    assert relative_error(zeros, zeros) == 0.0
    assert 1 < relative_error(zeros + 1e-6, zeros) < float("inf")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_logit_that_is_not_finite_fails_wherever_it_is(make_job: MakeJob, value: float) -> None:
    job, logits = make_job(precision="fp16"), torch.ones(8, 10)
    logits[7, 9] = value
    with pytest.raises(CellError) as caught:
        OutputCheck.of(logits, torch.ones(4, 10), job)
    assert str(caught.value) == f"{job.cell.name}: the output is not finite; try another precision"


@pytest.mark.parametrize(("error", "flags"), [(0.5, ()), (2.0, ("output_mismatch",))])
def test_beyond_the_bound_of_the_precision_is_flagged(
    make_job: MakeJob, error: float, flags: tuple[str, ...]
) -> None:
    expected = torch.ones(4, 10)
    check = OutputCheck.of(expected * (1 + error * BOUNDS["fp32"]), expected, make_job())
    assert check.bound == BOUNDS["fp32"]
    assert check.rel_error == pytest.approx(error * BOUNDS["fp32"], rel=1e-3)
    assert check.flags() == flags


def test_a_protocol_that_forces_tf32_gets_the_bound_of_tf32(make_job: MakeJob) -> None:
    ones = torch.ones(4, 10)
    assert OutputCheck.of(ones, ones, make_job(protocol={"tf32_cudnn": True})).bound == BOUNDS["tf32"]
    job = make_job(protocol={"tf32_cudnn": True}, precision="bf16")
    assert OutputCheck.of(ones, ones, job).bound == BOUNDS["bf16"]


def test_the_reference_is_the_network_in_eval_mode_without_gradients(tiny: nn.Module) -> None:
    images = torch.randn(4, 3, 32, 48)
    found: Tensor = reference_outputs(tiny.train(), images, torch.device("cpu"))
    assert not tiny.training
    assert not found.requires_grad
    torch.testing.assert_close(found, tiny(images))

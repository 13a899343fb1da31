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


def test_a_reference_that_is_not_finite_is_none(make_job: MakeJob) -> None:
    job, ones = make_job(), torch.ones(4, 10)
    with pytest.raises(CellError) as caught:
        OutputCheck.of((ones, ones), (ones, ones / 0), job)
    assert str(caught.value) == f"{job.cell.name}: the output in fp32, to check with, is not finite"


def test_an_error_that_is_no_number_passes_nowhere() -> None:
    for errors in ({"a": 0.0, "b": float("nan")}, {"a": float("nan"), "b": 0.0}):
        assert OutputCheck(errors, 0.1).flags() == ("output_mismatch",)


@pytest.mark.parametrize(("error", "flags"), [(0.5, ()), (2.0, ("output_mismatch",))])
def test_beyond_the_bound_of_the_precision_is_flagged(
    make_job: MakeJob, error: float, flags: tuple[str, ...]
) -> None:
    expected = torch.ones(4, 10)
    check = OutputCheck.of(expected * (1 + error * BOUNDS["fp32"]), expected, make_job())
    assert check.bound == BOUNDS["fp32"]
    assert check.rel_error == pytest.approx(error * BOUNDS["fp32"], rel=1e-3)
    assert check.flags() == flags


def test_the_output_that_is_farthest_off_counts(make_job: MakeJob) -> None:
    large, small = torch.full((4, 10), 1e6), torch.ones(4, 3)
    check = OutputCheck.of(
        {"masks": large, "scores": small * 1.5}, {"masks": large, "scores": small}, make_job()
    )
    assert check.rel_errors == {"masks": 0.0, "scores": 0.5}
    assert check.flags() == ("output_mismatch",)
    assert check.details() == {
        "output_rel_error_bound": BOUNDS["fp32"],
        "output_rel_errors": {"masks": 0.0, "scores": 0.5},
    }


def test_several_outputs_without_names_are_numbered_and_one_alone_has_no_list(make_job: MakeJob) -> None:
    maps = torch.ones(8, 2, 4, 4), torch.ones(8, 4, 2, 2)
    check = OutputCheck.of(maps, [each[:4] for each in maps], make_job())
    assert check.rel_errors == {"output_0": 0.0, "output_1": 0.0}
    assert check.flags() == ()
    assert OutputCheck.of(maps[0], maps[0], make_job()).details() == {
        "output_rel_error_bound": BOUNDS["fp32"]
    }


def test_a_protocol_that_forces_tf32_gets_the_bound_of_tf32(make_job: MakeJob) -> None:
    ones = torch.ones(4, 10)
    assert OutputCheck.of(ones, ones, make_job(protocol={"tf32_cudnn": True})).bound == BOUNDS["tf32"]
    job = make_job(protocol={"tf32_cudnn": True}, precision="bf16")
    assert OutputCheck.of(ones, ones, job).bound == BOUNDS["bf16"]


def test_the_reference_is_the_network_in_eval_mode_without_gradients(tiny: nn.Module) -> None:
    images = torch.randn(4, 3, 32, 48)
    found = reference_outputs(tiny.train(), images, torch.device("cpu"))
    assert not tiny.training
    assert isinstance(found, Tensor)
    assert not found.requires_grad
    torch.testing.assert_close(found, tiny(images))

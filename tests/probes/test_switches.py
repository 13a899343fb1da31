"""Switches are set as a protocol says, read back from torch, and put back after a reference."""

import itertools

import pytest
import torch

from bench.catalog import read
from bench.probes import switches
from bench.spec.cell import Precision

pytestmark = pytest.mark.usefixtures("_switches_put_back")
HOUSE, TIMM, VMAMBA = (read.protocols()[key] for key in ("house", "timm", "vmamba"))


@pytest.mark.parametrize(
    ("precision", "on"), [("fp32", False), ("tf32", True), ("amp_fp16", False), ("bf16", False)]
)
def test_house_turns_tf32_on_for_tf32_alone(precision: Precision, on: bool) -> None:
    switches.apply(HOUSE, precision)
    read_back = switches.read_back()
    assert (read_back["tf32_matmul"], read_back["tf32_cudnn"]) == (on, on)
    assert read_back["cudnn_benchmark"] is True
    assert read_back["cudnn_deterministic"] is False


def test_timm_forces_tf32_on() -> None:
    switches.apply(TIMM, "amp_fp16")
    assert switches.read_back()["tf32_matmul"] is True
    assert switches.read_back()["tf32_cudnn"] is True


def test_vmamba_has_tf32_in_convolutions_only() -> None:
    switches.apply(VMAMBA, "fp32")
    assert switches.read_back()["tf32_matmul"] is False
    assert switches.read_back()["tf32_cudnn"] is True
    assert switches.read_back()["cudnn_deterministic"] is True


def test_the_threads_are_reported() -> None:
    assert switches.read_back()["cpu_threads"] == torch.get_num_threads()


@pytest.mark.parametrize(("matmul", "cudnn"), list(itertools.product((True, False), repeat=2)))
def test_both_interfaces_of_torch_agree(matmul: bool, cudnn: bool) -> None:
    """Torch raises on reading one interface where only the other was used to write."""
    protocol = HOUSE.model_copy(update={"tf32_matmul": matmul, "tf32_cudnn": cudnn})
    switches.apply(protocol, "fp32")
    assert torch.backends.cuda.matmul.allow_tf32 is matmul
    assert torch.backends.cudnn.allow_tf32 is cudnn
    assert (torch.backends.cuda.matmul.fp32_precision == "tf32") is matmul
    assert (getattr(torch.backends.cudnn, "conv").fp32_precision == "tf32") is cudnn  # noqa: B009
    assert torch.get_float32_matmul_precision() == ("high" if matmul else "highest")


def test_the_reference_runs_without_tf32_and_leaves_no_trace() -> None:
    switches.apply(TIMM, "tf32")
    before = switches.read_back()
    with switches.plain_fp32():
        inside = switches.read_back()
        assert (inside["tf32_matmul"], inside["tf32_cudnn"], inside["cudnn_benchmark"]) == (False,) * 3
    assert switches.read_back() == before


def test_a_failing_reference_leaves_no_trace_either() -> None:
    switches.apply(TIMM, "tf32")
    before = switches.read_back()
    with pytest.raises(ZeroDivisionError), switches.plain_fp32():
        _ = 1 / 0
    assert switches.read_back() == before

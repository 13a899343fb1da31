"""A backend is chosen by name, and one that cannot run here says why."""

from __future__ import annotations

import re
import sys
from types import ModuleType

import pytest
import torch
from torch import Tensor

from bench.ops import selective_scan as package
from bench.ops.selective_scan import BACKENDS, backends, resolve_backend, selective_scan
from bench.ops.selective_scan.cases import ScanOptions, ScanShape, random_inputs
from bench.ops.selective_scan.inputs import ScanInputs
from bench.ops.selective_scan.official import official_scan
from bench.ops.selective_scan.reference import reference_scan


def test_names() -> None:
    assert BACKENDS == ("reference", "torch", "triton", "mamba_ssm")
    assert sorted(package.__all__) == ["BACKENDS", "resolve_backend", "selective_scan"]


@pytest.mark.parametrize("name", ["auto", "torch"])
def test_cpu(name: str) -> None:
    assert resolve_backend(name, torch.ones(1)) == "torch"


def test_auto_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    on_gpu = torch.ones(1)
    monkeypatch.setattr(torch.Tensor, "is_cuda", True)
    monkeypatch.setattr(backends, "_INSTALLED", {"triton": True, "mamba_ssm": True})
    assert resolve_backend("auto", on_gpu) == "triton"
    monkeypatch.setattr(backends, "_INSTALLED", {"triton": False, "mamba_ssm": False})
    assert resolve_backend("auto", on_gpu) == "torch"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cuda", "unknown scan backend 'cuda'; allowed: auto, reference, torch, triton, mamba_ssm"),
        ("triton", "scan backend 'triton' needs a CUDA tensor, not one on cpu; use 'torch'"),
    ],
)
def test_refused(name: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setattr(backends, "_INSTALLED", {"triton": True, "mamba_ssm": True})
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        resolve_backend(name, torch.ones(1))


def test_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "_INSTALLED", {"triton": False, "mamba_ssm": False})
    message = "scan backend 'mamba_ssm' needs the package mamba_ssm, which is not installed; use 'torch'"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        resolve_backend("mamba_ssm", torch.ones(1))


def test_positional_call(generator: torch.Generator) -> None:
    inputs = random_inputs(ScanShape(1, 2, 2, 3, 9), torch.float32, ScanOptions(), generator)
    torch.testing.assert_close(selective_scan(*inputs, backend="reference"), reference_scan(inputs))


def test_official_package_gets_what_it_wants(
    monkeypatch: pytest.MonkeyPatch, generator: torch.Generator
) -> None:
    """The fake has the published signature and the published demands on dtypes."""

    def selective_scan_fn(*tensors: Tensor, delta_bias: Tensor, delta_softplus: bool) -> Tensor:
        u, delta, a, b, c, d = tensors
        assert {u.dtype, delta.dtype, b.dtype, c.dtype} == {torch.float16}
        assert {a.dtype, d.dtype, delta_bias.dtype} == {torch.float32}
        return reference_scan(ScanInputs(u, delta, a, b, c, d, delta_bias, delta_softplus))

    module = ModuleType("mamba_ssm.ops.selective_scan_interface")
    module.selective_scan_fn = selective_scan_fn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    inputs = random_inputs(ScanShape(1, 2, 2, 3, 9), torch.float16, ScanOptions(), generator)
    mixed = inputs._replace(delta_bdl=inputs.delta_bdl.float(), decay_dn=inputs.decay_dn.double())
    torch.testing.assert_close(official_scan(mixed), reference_scan(inputs))
    with pytest.raises(ValueError, match=r"^scan backend 'mamba_ssm' has no float64; use 'torch'$"):
        official_scan(inputs._replace(u_bdl=inputs.u_bdl.double()))

"""What `doctor` says of the backends of the selective scan."""

from __future__ import annotations

import pytest

from bench.machine import checks, identity, scans
from bench.machine.identity import Device
from bench.spec.errors import UserError


def with_gpu(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    def resolve(_: str) -> Device:
        if not there:
            raise UserError("no GPU")
        return Device("cuda", 0, "NVIDIA H100")

    monkeypatch.setattr(identity, "resolve_device", resolve)


def with_packages(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setattr(scans, "find_spec", lambda name: name if name in packages else None)


def test_scan_backends_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpu(monkeypatch, there=False)
    with_packages(monkeypatch, "triton")
    check = checks._scans()
    assert (check.ok, check.found) == (True, "reference, torch on the CPU")


def test_scan_backends_with_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpu(monkeypatch, there=True)
    with_packages(monkeypatch, "triton")
    check = checks._scans()
    assert (check.ok, check.found) == (
        True,
        "reference, torch, triton on the GPU; reference, torch on the CPU",
    )
    with_packages(monkeypatch)
    check = checks._scans()
    assert (check.ok, check.found) == (False, "reference, torch on the GPU; reference, torch on the CPU")
    assert check.remedy.endswith("run: pip install triton")

"""What `doctor` says of the backends of the selective scan and of OpenMMLab."""

from __future__ import annotations

import pytest

from bench.catalog import read
from bench.machine import checks, identity, openmmlab, scans
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


def test_openmmlab_that_is_not_installed_has_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openmmlab, "PACKAGES", ("torch", "no_such_package"))
    check = checks._openmmlab()
    assert (check.ok, check.found) == (False, "without no_such_package")
    assert check.remedy == "only for detectors and segmentors; run: pip install -e '.[dense]'"


def test_openmmlab_that_cannot_be_imported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openmmlab, "PACKAGES", ("torch",))
    monkeypatch.setattr(checks, "OPERATORS", "import libGL_is_missing")
    check = checks._openmmlab()
    assert not check.ok
    assert check.found == "cannot be imported: ModuleNotFoundError: No module named 'libGL_is_missing'"


def test_who_serves_the_operators_of_mmcv_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openmmlab, "PACKAGES", ("torch",))
    monkeypatch.setattr(checks, "OPERATORS", "print('torchvision')")
    monkeypatch.setattr(
        checks.importlib.metadata, "version", lambda name: {"mmdet": "3.3.0"}.get(name, "1.2.2")
    )
    check = checks._openmmlab()
    assert check.ok
    assert check.found == "mmdet 3.3.0, mmsegmentation 1.2.2; operators of mmcv from torchvision"


@pytest.mark.parametrize("task", ["quickstart_coco", "quickstart"])
def test_data_that_no_score_needs_is_not_looked_for(task: str) -> None:
    assert not checks._has_data(read.tasks()[task])
    assert checks._has_data(read.tasks()["imagenet"])

"""What `doctor` says of the backends of the selective scan and of OpenMMLab."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.catalog import read
from bench.machine import checks, identity, openmmlab, scans
from bench.machine.identity import Device
from bench.sets.made import MANIFEST, encoded, ensure
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
def test_data_that_is_made_when_needed_is_not_looked_for(task: str, tmp_path: Path) -> None:
    assert not checks._has_data(read.tasks()[task], tmp_path)
    assert checks._has_data(read.tasks()["imagenet"], tmp_path)


def test_a_set_that_was_made_is_checked(tmp_path: Path) -> None:
    plain = read.tasks()["quickstart_coco"]
    ensure(plain, tmp_path / "quickstart_coco")
    assert checks._has_data(plain, tmp_path)
    root = tmp_path / "quickstart_coco"
    check = checks._data(plain, tmp_path)
    assert (check.name, check.ok, check.found) == ("data quickstart_coco", True, f"made at {root}")
    manifest = json.loads((root / MANIFEST).read_text())
    known = {"pixels_sha256": manifest["pixels_sha256"], "files_sha256": encoded(manifest["files"])}
    check = checks._data(plain.model_copy(update=known), tmp_path)
    assert (check.ok, check.found) == (True, f"made at {root}, files as published")
    check = checks._data(plain.model_copy(update=known | {"files_sha256": "0" * 64}), tmp_path)
    assert check.ok
    assert check.found.startswith(f"made at {root}, files of another JPEG library (Pillow ")
    assert check.found.endswith("): a few images may score differently")
    (root / "val2017" / "000000000002.jpg").unlink()
    check = checks._data(plain, tmp_path)
    assert (check.ok, check.found) == (False, "damaged")
    assert check.remedy == (
        f"{root}: 1 of 5 files are not as they were made (val2017/000000000002.jpg); "
        f"delete the folder {root}, and it is made again"
    )

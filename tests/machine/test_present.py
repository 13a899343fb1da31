"""What a record's host would hold here, found without torch."""

from __future__ import annotations

import importlib.metadata
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.machine import present
from bench.machine.identity import Device, resolve_device

GPU = Device("cuda", 1, "NVIDIA H100 80GB HBM3", "GPU-1")
VERSION_FILE = """from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip']
__version__ = '2.11.0+cu130'
debug = False
cuda: Optional[str] = '13.0'
hip: Optional[str] = None
"""


class FakeError(Exception):
    """Stands for pynvml.NVMLError."""


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    answers = SimpleNamespace(
        NVMLError=FakeError,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlSystemGetDriverVersion=lambda: b"580.159.04",
        nvmlDeviceGetHandleByUUID=lambda uuid: {"GPU-1": "handle"}[uuid],
        nvmlDeviceGetEnforcedPowerLimit=lambda handle: {"handle": 350_000}[handle],
    )
    monkeypatch.setitem(sys.modules, "pynvml", answers)
    return answers


@pytest.fixture
def torch_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Put a torch in place whose `version.py` is the returned file."""
    spec = ModuleSpec("torch", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(present, "find_spec", {"torch": spec}.get)
    path = tmp_path / "version.py"
    path.write_text(VERSION_FILE)
    return path


@pytest.mark.usefixtures("driver", "torch_says")
def test_a_gpu_with_its_driver_and_the_build_of_torch() -> None:
    found = present.known(GPU)
    assert (found["gpu"], found["gpu_power_limit_w"], found["driver"]) == (GPU.name, 350.0, "580.159.04")
    assert (found["torch"], found["cuda"]) == ("2.11.0+cu130", "13.0")
    assert "cudnn" not in found
    assert found["timm"] == importlib.metadata.version("timm")


@pytest.mark.usefixtures("torch_says")
def test_what_the_driver_does_not_say_is_unknown(driver: SimpleNamespace) -> None:
    def refuse(*_: object) -> object:
        raise FakeError("not supported")

    driver.nvmlDeviceGetEnforcedPowerLimit = refuse
    found = present.known(GPU)
    assert (found["driver"], found["gpu_power_limit_w"]) == ("580.159.04", None)
    driver.nvmlInit = refuse
    found = present.known(GPU)
    assert (found["driver"], found["gpu_power_limit_w"]) == (None, None)


def test_a_cpu_has_neither_driver_nor_cuda(torch_says: Path) -> None:
    found = present.known(resolve_device("cpu"))
    assert {found[name] for name in ("gpu", "gpu_power_limit_w", "driver", "cuda", "cudnn")} == {None}
    assert found["torch"] == "2.11.0+cu130"


def test_a_torch_without_cuda_and_one_that_is_not_there(
    torch_says: Path, driver: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch_says.write_text("__version__ = '2.11.0'\ncuda: Optional[str] = None\n")
    assert (present.known(GPU)["torch"], present.known(GPU)["cuda"]) == ("2.11.0", None)
    torch_says.write_text("from ._elsewhere import *\n")
    assert not {"torch", "cuda"} & set(present.known(GPU))
    monkeypatch.setattr(present, "find_spec", lambda _: None)
    assert (present.known(GPU)["torch"], present.known(GPU)["cuda"]) == (None, None)

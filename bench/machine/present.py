"""What a record's host would hold if it were written here and now, found without torch."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from bench.machine import gpus
from bench.machine.identity import Device, cpu_name, usable_cpu_count

Fact = str | float | int | None
TORCH_VERSION = re.compile(r"^__version__\s*=\s*['\"]([^'\"]+)['\"]", re.MULTILINE)
TORCH_CUDA = re.compile(r"^cuda\b[^=\n]*=\s*(?:['\"]([^'\"]+)['\"]|None)", re.MULTILINE)


def known(device: Device) -> Mapping[str, Fact]:
    """Return by name the fields of `Host` that are known of this machine; None is known to be absent.

    What only torch could tell is left out: on a GPU the version of cuDNN, which follows torch's build.
    """
    cuda = device.kind == "cuda"
    driver, limit_w = gpus.driver_and_limit(device.uuid) if cuda and device.uuid else (None, None)
    found: dict[str, Fact] = {
        "device": device.kind,
        "gpu": device.name if cuda else None,
        "gpu_power_limit_w": limit_w,
        "driver": driver,
        "cpu": cpu_name(),
        "cpu_count": usable_cpu_count(),
        "python": platform.python_version(),
        "triton": _version("triton"),
        "timm": _version("timm"),
        **_torch(),
    }
    return found if cuda else {**found, "cuda": None, "cudnn": None}


def _torch() -> Mapping[str, Fact]:
    """Read the version of torch, and the CUDA it is built for, where torch itself has them from."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return {"torch": None, "cuda": None}
    try:
        text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return {}
    found = {"torch": TORCH_VERSION.search(text), "cuda": TORCH_CUDA.search(text)}
    return {name: match[1] for name, match in found.items() if match is not None}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None

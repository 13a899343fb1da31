"""Which backends of the selective scan can run here, found without torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec

from bench.spec.cell import SCAN_BACKENDS, DeviceKind, ScanBackend
from bench.spec.errors import CellError, MissingExtra, Unsupported

PACKAGES: Mapping[ScanBackend, str] = {"triton": "triton", "mamba_ssm": "mamba_ssm"}
"""What a backend needs besides torch; these are also the ones that run on a GPU only."""


def obstacle(backend: ScanBackend, device: DeviceKind) -> CellError | None:
    """Return why a backend cannot run on a kind of device here, or None."""
    package = PACKAGES.get(backend)
    if package is None:
        return None
    if find_spec(package) is None:
        return MissingExtra(
            f"scan backend {backend} needs the package {package}, which is not installed; use torch or auto"
        )
    interpreted = backend == "triton" and os.environ.get("TRITON_INTERPRET") == "1"
    if device == "cpu" and not interpreted:
        return Unsupported(f"scan backend {backend} needs an NVIDIA GPU; use torch or auto, or set --device")
    return None


def can_run(device: DeviceKind) -> tuple[ScanBackend, ...]:
    """Return the backends that can run on a kind of device here."""
    return tuple(name for name in SCAN_BACKENDS if name != "auto" and obstacle(name, device) is None)

"""The NVIDIA GPUs a CUDA program would see here, found through the driver alone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

VARIABLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU, or one MIG slice of a GPU, as the driver names it."""

    name: str
    uuid: str


def visible() -> tuple[Gpu, ...]:
    """Return the GPUs CUDA would see, in its order; none where there is no driver.

    CUDA_VISIBLE_DEVICES holds indices, UUIDs or unique beginnings of UUIDs; as in CUDA, the
    first entry that names no GPU hides itself and all that follow. Indices count in PCI
    order, which is CUDA's own order wherever all GPUs are of one model.
    """
    import pynvml  # noqa: PLC0415

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        return tuple(_visible(pynvml))
    except pynvml.NVMLError:
        # a GPU that fell off the bus cannot be used either
        return ()
    finally:
        pynvml.nvmlShutdown()


def driver_and_limit(uuid: str) -> tuple[str | None, float | None]:
    """Return the driver's version and the enforced power limit of a GPU in watts; None where unknown."""
    import pynvml  # noqa: PLC0415

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None, None
    try:
        return _text(pynvml.nvmlSystemGetDriverVersion()), _limit_w(pynvml, uuid)
    except pynvml.NVMLError:
        return None, None
    finally:
        pynvml.nvmlShutdown()


def why_none() -> str:
    """Say why no GPU is visible, and what would change that."""
    if os.environ.get(VARIABLE) is not None:
        return f"{VARIABLE}={os.environ[VARIABLE]!r} hides all others; unset it to use a GPU"
    return "a GPU needs an NVIDIA driver, which `nvidia-smi` shows; use --device cpu until then"


def _visible(nvml: Any) -> Sequence[Gpu]:
    present = [_describe(nvml, handle) for handle in _handles(nvml)]
    wanted = os.environ.get(VARIABLE)
    return present if wanted is None else list(_select(nvml, present, wanted))


def _handles(nvml: Any) -> Iterator[Any]:
    for index in range(nvml.nvmlDeviceGetCount()):
        yield nvml.nvmlDeviceGetHandleByIndex(index)


def _describe(nvml: Any, handle: Any) -> Gpu:
    return Gpu(_text(nvml.nvmlDeviceGetName(handle)), _text(nvml.nvmlDeviceGetUUID(handle)))


def _limit_w(nvml: Any, uuid: str) -> float | None:
    try:
        milliwatts: int = nvml.nvmlDeviceGetEnforcedPowerLimit(nvml.nvmlDeviceGetHandleByUUID(uuid))
    except nvml.NVMLError:
        return None
    return milliwatts / 1e3


def _text(value: str | bytes) -> str:
    # older bindings return bytes
    return value.decode() if isinstance(value, bytes) else value


def _select(nvml: Any, present: Sequence[Gpu], wanted: str) -> Iterator[Gpu]:
    for entry in (part.strip() for part in wanted.split(",")):
        gpu = _mig_slice(nvml, entry) if entry.startswith("MIG-") else _whole(present, entry)
        if gpu is None:
            return
        yield gpu


def _whole(present: Sequence[Gpu], entry: str) -> Gpu | None:
    if re.fullmatch(r"\d+", entry):
        return present[int(entry)] if int(entry) < len(present) else None
    matching = [gpu for gpu in present if entry.startswith("GPU-") and gpu.uuid.startswith(entry)]
    return matching[0] if len(matching) == 1 else None


def _mig_slice(nvml: Any, entry: str) -> Gpu | None:
    try:
        return _describe(nvml, nvml.nvmlDeviceGetHandleByUUID(entry))
    except nvml.NVMLError:
        return None

"""Names the GPU and the CPU of this machine, by model and never by host name."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.machine import gpus
from bench.machine.gpus import Gpu
from bench.spec.cell import DeviceKind
from bench.spec.errors import UserError

CPUINFO = Path("/proc/cpuinfo")
CGROUP = Path("/sys/fs/cgroup")
# where results lie that are the same everywhere
ANY_MACHINE = "any-machine"
REQUEST = re.compile(r"auto|cpu|cuda(?::(?P<index>\d+))?")
# what vendors put around the name of a CPU without telling two models apart
CPU_NOISE = re.compile(
    r"\((?:r|tm|c)\)|\bcpu\b|@.*|\b\d+-core\b|\bprocessor\b|\bwith radeon.*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Device:
    """What cells run on; `index` counts visible GPUs as CUDA does and is 0 for the CPU."""

    kind: DeviceKind
    index: int
    name: str
    uuid: str | None = None

    @property
    def torch_name(self) -> str:
        """What torch calls it: `cpu` or `cuda:<index>`."""
        return "cpu" if self.kind == "cpu" else f"cuda:{self.index}"


def resolve_device(requested: str) -> Device:
    """Turn `auto`, `cpu`, `cuda` or `cuda:<index>` into a device that is there.

    `auto` is the first visible GPU, else the CPU; `cuda` is the first visible GPU. Which
    GPUs are visible follows CUDA_VISIBLE_DEVICES. Raises `UserError` for other text and for
    a GPU that is absent, and lists what is there.
    """
    match = REQUEST.fullmatch(requested)
    if match is None:
        raise UserError(
            f"device {requested!r} is not one of auto, cpu, cuda, cuda:<index>; {_what_is_there()}"
        )
    if requested == "cpu":
        return _cpu()
    found = gpus.visible()
    index = int(match["index"] or 0)
    if index < len(found):
        return _gpu(index, found[index])
    if requested == "auto":
        return _cpu()
    raise UserError(f"device {requested!r} is not there; {_what_is_there()}")


def machine_slug(device: Device) -> str:
    """Name a machine by the device it measures with: `nvidia-h100-80gb-hbm3`.

    For a CPU the usable cores belong to it: `cpu-intel-xeon-platinum-8481c-2-cores`.
    """
    if device.kind == "cuda":
        slug = _slug(device.name)
        # older drivers leave the vendor out
        return slug if slug.startswith("nvidia-") else f"nvidia-{slug}"
    count = usable_cpu_count()
    return f"cpu-{_slug(CPU_NOISE.sub(' ', device.name))}-{count}-core{'s' if count > 1 else ''}"


@cache
def cpu_name() -> str:
    """Return the model name of the CPU as the system gives it, such as `AMD EPYC 7763`."""
    if CPUINFO.is_file():
        found = re.search(r"^model name\s*:\s*(\S.*)$", CPUINFO.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return found[1].strip()
    if platform.system() == "Darwin":
        return _macos_cpu_name()
    return platform.processor() or platform.machine() or "unknown"


def usable_cpu_count() -> int:
    """Count the cores this process may use: affinity, and the container's quota rounded up."""
    has_affinity = hasattr(os, "sched_getaffinity")
    allowed = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    return max(1, min(allowed, _quota_cores() or allowed))


def _quota_cores() -> int | None:
    try:
        quota, period = (CGROUP / "cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else -(-int(quota) // int(period))


def _macos_cpu_name() -> str:
    command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return platform.machine()
    return result.stdout.strip() or platform.machine()


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "unknown"


def _cpu() -> Device:
    return Device("cpu", 0, cpu_name())


def _gpu(index: int, gpu: Gpu) -> Device:
    return Device("cuda", index, gpu.name, gpu.uuid)


def _what_is_there() -> str:
    found = gpus.visible()
    there = ["cpu", *(f"cuda:{index} ({gpu.name})" for index, gpu in enumerate(found))]
    remedy = "choose one with --device" if found else gpus.why_none()
    return f"this machine has {', '.join(there)}; {remedy}"

"""The machine and its software, as a worker process sees them."""

from __future__ import annotations

import importlib.metadata
import platform

import torch

from bench.machine.identity import Device, cpu_name, machine_slug, usable_cpu_count
from bench.probes.nvml import driver_version, sensor_for
from bench.spec.record import Host

PACKAGES = (
    *("torchvision", "numpy", "pillow", "fvcore", "safetensors", "datasets", "nvidia-ml-py"),
    *("mmcv", "mmcv-lite", "mmdet", "mmengine", "mmsegmentation"),
)


def describe(device: Device) -> Host:
    """Return the facts of this machine, found without initialising CUDA."""
    cuda = device.kind == "cuda"
    sensor = sensor_for(device)
    memory = sensor.memory_bytes()
    return Host(
        machine=machine_slug(device),
        device=device.kind,
        gpu=device.name if cuda else None,
        gpu_power_limit_w=sensor.power_limit_w(),
        gpu_memory_bytes=None if memory is None else memory[1],
        driver=driver_version() if cuda else None,
        cpu=cpu_name(),
        cpu_count=usable_cpu_count(),
        os=platform.platform(),
        python=platform.python_version(),
        torch=torch.__version__,
        cuda=torch.version.cuda if cuda else None,
        cudnn=_cudnn() if cuda else None,
        triton=_version("triton"),
        timm=_version("timm"),
        packages={name: version for name in PACKAGES if (version := _version(name))},
    )


def _cudnn() -> str | None:
    number = torch.backends.cudnn.version()
    return None if number is None else f"{number // 10000}.{number // 100 % 100}.{number % 100}"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None

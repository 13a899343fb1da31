"""The facts of the machine that runs the tests."""

import platform

import timm
import torch

from bench.machine.identity import cpu_name, machine_slug, resolve_device, usable_cpu_count
from bench.machine.present import known
from bench.probes.host import describe


def test_a_cpu_host_is_described_without_a_gpu() -> None:
    device = resolve_device("cpu")
    host = describe(device)
    assert host.machine == machine_slug(device)
    assert (host.device, host.cpu, host.cpu_count) == ("cpu", cpu_name(), usable_cpu_count())
    assert (host.python, host.torch, host.timm) == (
        platform.python_version(),
        torch.__version__,
        timm.__version__,
    )
    gpu = (host.gpu, host.gpu_power_limit_w, host.gpu_memory_bytes, host.driver, host.cuda, host.cudnn)
    assert gpu == (None,) * 6


def test_the_plan_knows_the_same_without_torch() -> None:
    device = resolve_device("cpu")
    host, found = describe(device).model_dump(), known(device)
    assert found == {name: host[name] for name in found}
    assert {"torch", "timm", "triton", "cuda", "cudnn"} <= set(found)


def test_packages_that_can_move_a_figure_are_listed() -> None:
    packages = describe(resolve_device("cpu")).packages
    assert {"torchvision", "numpy", "pillow", "fvcore"} <= set(packages)
    assert all(version for version in packages.values())


def test_no_host_name_is_kept() -> None:
    name = platform.node()
    assert name
    assert name not in describe(resolve_device("cpu")).model_dump_json()

"""Which device a run takes and what its machine is called, on any kind of machine."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.machine import gpus, identity
from bench.machine.identity import Device, cpu_name, machine_slug, resolve_device, usable_cpu_count
from bench.spec.errors import UserError

H100 = ("NVIDIA H100 80GB HBM3", "GPU-aaaa1111-0000")
L4 = ("NVIDIA L4", "GPU-aaaa2222-0000")
SLICE = ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", "MIG-cccc-0000")


class FakeError(Exception):
    """Stands for pynvml.NVMLError."""


class FakeDriver(SimpleNamespace):
    """Answers the calls the bench makes to NVML; no list of GPUs means no driver."""

    NVMLError = FakeError

    def __init__(self, present: Sequence[tuple[str, str]] | None, *, lost: bool = False) -> None:
        self.present, self.lost, self.open = present, lost, 0

    def nvmlInit(self) -> None:  # noqa: N802
        if self.present is None:
            raise FakeError("library not found")
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        if self.lost:
            raise FakeError("GPU is lost")
        return len(self.present or ())

    def nvmlDeviceGetHandleByIndex(self, index: int) -> tuple[str, str]:  # noqa: N802
        return (self.present or ())[index]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> tuple[str, str]:  # noqa: N802
        if uuid != SLICE[1]:
            raise FakeError("not found")
        return SLICE

    def nvmlDeviceGetName(self, handle: tuple[str, str]) -> bytes:  # noqa: N802
        return handle[0].encode()

    def nvmlDeviceGetUUID(self, handle: tuple[str, str]) -> str:  # noqa: N802
        return handle[1]


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(gpus.VARIABLE, raising=False)
    monkeypatch.setattr(identity, "cpu_name", lambda: "Some CPU")


def drive(
    monkeypatch: pytest.MonkeyPatch, *present: tuple[str, str], driver: bool = True, lost: bool = False
) -> FakeDriver:
    fake = FakeDriver(present if driver else None, lost=lost)
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    return fake


CPU = Device("cpu", 0, "Some CPU", None)


def test_auto_takes_the_first_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = drive(monkeypatch, H100, L4)
    assert resolve_device("auto") == Device("cuda", 0, *H100) == resolve_device("cuda")
    assert resolve_device("cuda:1") == Device("cuda", 1, *L4)
    assert resolve_device("cuda:1").torch_name == "cuda:1"
    assert fake.open == 0


def test_auto_without_a_driver_or_without_gpus_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    drive(monkeypatch, driver=False)
    assert resolve_device("auto") == CPU
    drive(monkeypatch)
    assert resolve_device("auto") == CPU
    assert CPU.torch_name == "cpu"


def test_a_lost_gpu_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = drive(monkeypatch, H100, lost=True)
    assert resolve_device("auto") == CPU
    assert fake.open == 0


def test_cpu_is_the_cpu_even_beside_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    drive(monkeypatch, H100)
    assert resolve_device("cpu") == CPU


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("", ()),
        ("-1", ()),
        ("1", (L4,)),
        ("1,0", (L4, H100)),
        ("0, 1", (H100, L4)),
        ("0,-1,1", (H100,)),
        ("7", ()),
        ("GPU-aaaa2", (L4,)),
        ("GPU-aaaa2222-0000,0", (L4, H100)),
        ("GPU-aaaa", ()),
        ("GPU-ffff", ()),
        ("MIG-cccc-0000", (SLICE,)),
        ("MIG-dddd-0000,0", ()),
        ("NoDevFiles", ()),
    ],
)
def test_visible_devices_are_respected(
    monkeypatch: pytest.MonkeyPatch, value: str, names: tuple[tuple[str, str], ...]
) -> None:
    drive(monkeypatch, H100, L4)
    monkeypatch.setenv(gpus.VARIABLE, value)
    assert [(gpu.name, gpu.uuid) for gpu in gpus.visible()] == list(names)


def test_an_absent_gpu_lists_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    drive(monkeypatch, H100, L4)
    with pytest.raises(UserError) as caught:
        resolve_device("cuda:2")
    assert str(caught.value) == (
        "device 'cuda:2' is not there; this machine has cpu, cuda:0 (NVIDIA H100 80GB HBM3), "
        "cuda:1 (NVIDIA L4); choose one with --device"
    )


def test_no_driver_says_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    drive(monkeypatch, driver=False)
    with pytest.raises(UserError) as caught:
        resolve_device("cuda")
    assert str(caught.value) == (
        "device 'cuda' is not there; this machine has cpu; a GPU needs an NVIDIA driver, "
        "which `nvidia-smi` shows; use --device cpu until then"
    )


def test_hidden_gpus_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    drive(monkeypatch, H100)
    monkeypatch.setenv(gpus.VARIABLE, "")
    with pytest.raises(UserError) as caught:
        resolve_device("cuda:0")
    assert str(caught.value) == (
        "device 'cuda:0' is not there; this machine has cpu; CUDA_VISIBLE_DEVICES='' hides all "
        "others; unset it to use a GPU"
    )


@pytest.mark.parametrize("text", ["gpu", "cuda:", "cuda:-1", "CUDA", "cuda:0,1", "", "cuda:x"])
def test_bad_text(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    drive(monkeypatch, L4)
    with pytest.raises(UserError) as caught:
        resolve_device(text)
    assert str(caught.value) == (
        f"device {text!r} is not one of auto, cpu, cuda, cuda:<index>; this machine has cpu, "
        "cuda:0 (NVIDIA L4); choose one with --device"
    )


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("NVIDIA H100 80GB HBM3", "nvidia-h100-80gb-hbm3"),
        ("Tesla V100-SXM2-16GB", "nvidia-tesla-v100-sxm2-16gb"),
        ("NVIDIA GeForce RTX 4090", "nvidia-geforce-rtx-4090"),
    ],
)
def test_gpu_slug(name: str, slug: str) -> None:
    assert machine_slug(Device("cuda", 3, name, "GPU-1")) == slug


@pytest.mark.parametrize(
    ("name", "cores", "slug"),
    [
        ("Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz", 2, "cpu-intel-xeon-platinum-8481c-2-cores"),
        ("AMD EPYC 7763 64-Core Processor", 64, "cpu-amd-epyc-7763-64-cores"),
        ("AMD Ryzen 7 5700U with Radeon Graphics", 16, "cpu-amd-ryzen-7-5700u-16-cores"),
        ("Apple M3 Pro", 1, "cpu-apple-m3-pro-1-core"),
        ("(R)", 4, "cpu-unknown-4-cores"),
    ],
)
def test_cpu_slug(monkeypatch: pytest.MonkeyPatch, name: str, cores: int, slug: str) -> None:
    monkeypatch.setattr(identity, "usable_cpu_count", lambda: cores)
    assert machine_slug(Device("cpu", 0, name)) == slug


@pytest.fixture
def fresh_name() -> Iterator[None]:
    cpu_name.cache_clear()
    yield
    # the name of a machine that is not this one must not reach other tests
    cpu_name.cache_clear()


@pytest.mark.usefixtures("fresh_name")
def test_cpu_name_from_cpuinfo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    listing = tmp_path / "cpuinfo"
    listing.write_text("processor\t: 0\nmodel\t\t: 1\nmodel name\t: AMD EPYC 7763 \nflags\t: fpu\n")
    monkeypatch.setattr(identity, "CPUINFO", listing)
    assert cpu_name() == "AMD EPYC 7763"


@pytest.mark.usefixtures("fresh_name")
@pytest.mark.parametrize("text", [None, "Processor : ARMv8\n"])
def test_cpu_name_where_cpuinfo_does_not_tell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None
) -> None:
    listing = tmp_path / "cpuinfo"
    if text is not None:
        listing.write_text(text)
    monkeypatch.setattr(identity, "CPUINFO", listing)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert cpu_name() == "aarch64"


@pytest.mark.usefixtures("fresh_name")
def test_cpu_name_on_macos(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> SimpleNamespace:
        asked.append(command)
        return SimpleNamespace(stdout="Apple M3 Pro\n")

    monkeypatch.setattr(identity, "CPUINFO", tmp_path / "none")
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("subprocess.run", run)
    assert cpu_name() == "Apple M3 Pro"
    assert asked == [["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]]


@pytest.mark.parametrize(
    ("quota", "allowed", "count"),
    [
        (None, 8, 8),
        ("max 100000", 8, 8),
        ("150000 100000", 8, 2),
        ("50000 100000", 8, 1),
        ("900000 100000", 4, 4),
        ("nonsense", 4, 4),
    ],
)
def test_cores_are_limited_by_affinity_and_quota(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quota: str | None, allowed: int, count: int
) -> None:
    if quota is not None:
        (tmp_path / "cpu.max").write_text(quota + "\n")
    monkeypatch.setattr(identity, "CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(allowed)), raising=False)
    assert usable_cpu_count() == count


def test_cores_where_there_is_no_affinity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(identity, "CGROUP", tmp_path)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 10)
    assert usable_cpu_count() == 10

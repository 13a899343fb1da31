"""What the driver says, with a driver that says what a test wants."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import pynvml
import pytest

from bench.machine.identity import Device
from bench.probes import nvml
from bench.probes.nvml import NoSensor, NvmlSensor, Stamp, sensor_for, throttle_names

UUID = "GPU-11111111-2222-3333-4444-555555555555"
GPU = Device("cuda", 0, "NVIDIA H100 80GB HBM3", UUID)
HANDLE = object()


@dataclass(frozen=True)
class Process:
    pid: int


def unsupported(*_: object) -> object:
    raise pynvml.NVMLError_NotSupported


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Replace the driver's answers; each can be replaced again by the test."""
    answers = {
        "nvmlInit": lambda: None,
        "nvmlDeviceGetHandleByUUID": lambda uuid: {UUID: HANDLE}[uuid],
        "nvmlDeviceGetClockInfo": lambda _, kind: {pynvml.NVML_CLOCK_SM: 1980}[kind],
        "nvmlDeviceGetTemperature": lambda _, __: 61,
        "nvmlDeviceGetPowerUsage": lambda _: 612_345,
        "nvmlDeviceGetTotalEnergyConsumption": lambda _: 7_000_500,
        "nvmlDeviceGetCurrentClocksEventReasons": lambda _: 0x4,
        "nvmlDeviceGetComputeRunningProcesses": lambda _: [],
        "nvmlDeviceGetEnforcedPowerLimit": lambda _: 700_000,
        "nvmlDeviceGetMemoryInfo": lambda _: SimpleNamespace(used=2**30, total=80 * 2**30),
        "nvmlSystemGetDriverVersion": lambda: "580.159.04",
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, answer, raising=False)

    def say(name: str, answer: Callable[..., object]) -> None:
        monkeypatch.setattr(pynvml, name, answer)

    return SimpleNamespace(say=say)


@pytest.mark.usefixtures("driver")
def test_a_reading_is_in_plain_units() -> None:
    assert sensor_for(GPU).read() == Stamp(1980, 61, 612.345, 7000.5, ("sw_power_cap",))
    assert sensor_for(GPU).power_limit_w() == 700.0
    assert sensor_for(GPU).memory_bytes() == (2**30, 80 * 2**30)


def test_what_a_gpu_does_not_support_is_none(driver: SimpleNamespace) -> None:
    for name in ("ClockInfo", "Temperature", "PowerUsage", "TotalEnergyConsumption", "MemoryInfo"):
        driver.say(f"nvmlDeviceGet{name}", unsupported)
    driver.say("nvmlDeviceGetCurrentClocksEventReasons", unsupported)
    driver.say("nvmlDeviceGetEnforcedPowerLimit", unsupported)
    driver.say("nvmlDeviceGetComputeRunningProcesses", unsupported)
    sensor = sensor_for(GPU)
    assert sensor.read() == Stamp()
    assert (sensor.power_limit_w(), sensor.memory_bytes(), sensor.foreign_processes()) == (None, None, 0)


def test_older_bindings_know_the_reasons_by_another_name(
    driver: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(pynvml, "nvmlDeviceGetCurrentClocksEventReasons")
    driver.say("nvmlDeviceGetCurrentClocksThrottleReasons", lambda _: 0x40)
    assert sensor_for(GPU).read().throttle == ("hw_thermal",)


@pytest.mark.parametrize(
    ("bits", "names"),
    [
        (0x0, ()),
        (0x1 | 0x2 | 0x100, ()),
        (0x4, ("sw_power_cap",)),
        (0x8 | 0x20 | 0x40 | 0x80, ("hw_slowdown", "sw_thermal", "hw_thermal", "hw_power_brake")),
    ],
)
def test_reasons_have_names_and_idling_is_none(bits: int, names: tuple[str, ...]) -> None:
    assert throttle_names(bits) == names


@pytest.mark.parametrize(
    ("pids", "foreign"),
    [
        ([], 0),
        ([os.getpid()], 0),
        # in a container this process has another number there
        ([999_999], 0),
        ([os.getpid(), 999_999], 1),
        ([os.getpid(), 999_999, 999_999], 1),
    ],
)
def test_other_processes_are_counted(driver: SimpleNamespace, pids: list[int], foreign: int) -> None:
    driver.say("nvmlDeviceGetComputeRunningProcesses", lambda _: [Process(pid) for pid in pids])
    assert sensor_for(GPU).foreign_processes() == foreign


def test_without_a_driver_nothing_is_known(driver: SimpleNamespace) -> None:
    def missing() -> None:
        raise pynvml.NVMLError_LibraryNotFound

    driver.say("nvmlInit", missing)
    assert isinstance(sensor_for(GPU), NoSensor)
    assert nvml.driver_version() is None


def test_a_gpu_that_went_away_is_no_error(driver: SimpleNamespace) -> None:
    driver.say("nvmlDeviceGetHandleByUUID", unsupported)
    assert isinstance(sensor_for(GPU), NoSensor)


def test_a_cpu_has_no_sensor() -> None:
    sensor = sensor_for(Device("cpu", 0, "AMD EPYC"))
    assert sensor.read() == Stamp()
    assert (sensor.foreign_processes(), sensor.power_limit_w(), sensor.memory_bytes()) == (0, None, None)


@pytest.mark.usefixtures("driver")
def test_the_driver_has_a_version() -> None:
    assert nvml.driver_version() == "580.159.04"
    assert isinstance(sensor_for(GPU), NvmlSensor)

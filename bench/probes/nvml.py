"""What the driver says of the GPU beside the run: clocks, heat, power, energy, throttling, company."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Protocol

import pynvml

from bench.machine.identity import Device

# names of the bits of "clocks event reasons"; idle and the user's own clock settings slow nothing down
THROTTLE_BITS = {
    "sw_power_cap": 0x4,
    "hw_slowdown": 0x8,
    "sync_boost": 0x10,
    "sw_thermal": 0x20,
    "hw_thermal": 0x40,
    "hw_power_brake": 0x80,
}


@dataclass(frozen=True, slots=True)
class Stamp:
    """One reading; a field is None where the driver does not support it."""

    sm_clock_mhz: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    energy_j: float | None = None
    throttle: tuple[str, ...] = ()


class GpuSensor(Protocol):
    """Whatever can be read between windows."""

    def read(self) -> Stamp:
        """Take one reading; costs well under a millisecond."""

    def foreign_processes(self) -> int:
        """Count the other processes that compute on this GPU, as far as they can be seen."""

    def power_limit_w(self) -> float | None:
        """Return the enforced power limit in watts."""

    def memory_bytes(self) -> tuple[int, int] | None:
        """Return (used, total) bytes of the GPU, by all processes and the driver; None if unknown."""


class NoSensor:
    """Stands in where there is no GPU or no driver library."""

    def read(self) -> Stamp:
        """Return a reading without values."""
        return Stamp()

    def foreign_processes(self) -> int:
        """Return 0: there is nothing to share."""
        return 0

    def power_limit_w(self) -> float | None:
        """Return None: nobody can say."""
        return None

    def memory_bytes(self) -> tuple[int, int] | None:
        """Return None: nobody can say."""
        return None


class NvmlSensor:
    """Reads one GPU, addressed by its UUID so that CUDA_VISIBLE_DEVICES cannot mislead it."""

    def __init__(self, uuid: str) -> None:
        pynvml.nvmlInit()
        self._handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)

    def read(self) -> Stamp:
        """Take one reading; costs well under a millisecond."""
        bits = self._ask(_throttle_reader())
        return Stamp(
            sm_clock_mhz=self._ask(pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_SM),
            temperature_c=self._ask(pynvml.nvmlDeviceGetTemperature, pynvml.NVML_TEMPERATURE_GPU),
            power_w=_scaled(self._ask(pynvml.nvmlDeviceGetPowerUsage)),
            energy_j=_scaled(self._ask(pynvml.nvmlDeviceGetTotalEnergyConsumption)),
            throttle=throttle_names(int(bits or 0)),
        )

    def foreign_processes(self) -> int:
        """Count the other processes that compute on this GPU, as far as they can be seen.

        In a container the driver may show none, or this process under another number.
        """
        running = self._ask(pynvml.nvmlDeviceGetComputeRunningProcesses) or []
        return len({process.pid for process in running} - {os.getpid()}) if len(running) > 1 else 0

    def power_limit_w(self) -> float | None:
        """Return the enforced power limit in watts."""
        return _scaled(self._ask(pynvml.nvmlDeviceGetEnforcedPowerLimit))

    def memory_bytes(self) -> tuple[int, int] | None:
        """Return (used, total) bytes of the GPU, by all processes and the driver; None if unknown."""
        memory = self._ask(pynvml.nvmlDeviceGetMemoryInfo)
        return None if memory is None else (int(memory.used), int(memory.total))

    def _ask(self, function: Any, *arguments: Any) -> Any:
        try:
            return function(self._handle, *arguments)
        except pynvml.NVMLError:
            return None


def sensor_for(device: Device) -> GpuSensor:
    """Return a sensor for a device; one without values for the CPU and where NVML fails."""
    if device.uuid is None:
        return NoSensor()
    try:
        return NvmlSensor(device.uuid)
    except pynvml.NVMLError:
        return NoSensor()


def driver_version() -> str | None:
    """Return the version of the NVIDIA driver, or None without one."""
    try:
        pynvml.nvmlInit()
        version = pynvml.nvmlSystemGetDriverVersion()
    except pynvml.NVMLError:
        return None
    return version.decode() if isinstance(version, bytes) else str(version)


def throttle_names(bits: int) -> tuple[str, ...]:
    """Return the names of the reasons that hold the clocks back."""
    return tuple(name for name, bit in THROTTLE_BITS.items() if bits & bit)


def _throttle_reader() -> Any:
    # renamed by newer drivers; the older name goes away with them
    newer = getattr(pynvml, "nvmlDeviceGetCurrentClocksEventReasons", None)
    return newer or pynvml.nvmlDeviceGetCurrentClocksThrottleReasons


def _scaled(milli: float | None) -> float | None:
    return None if milli is None else milli / 1e3

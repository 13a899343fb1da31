"""Two clocks for windows of steps: CUDA events on the stream, and the wall."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

Step = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Window:
    """One timed stretch of `steps` steps: seconds on the device, and seconds by the wall.

    `lead_s` is for how long the device was still busy after the last step had been handed to
    it, so how far the host was ahead; None where host and device are one.
    """

    steps: int
    device_s: float
    wall_s: float
    lead_s: float | None = None

    @property
    def step_s(self) -> float:
        """Seconds per step on the device."""
        return self.device_s / self.steps

    @property
    def wall_step_s(self) -> float:
        """Seconds per step by the wall."""
        return self.wall_s / self.steps


class Clock(Protocol):
    """Whatever can time a window of steps."""

    name: str

    def window(self, step: Step, steps: int) -> Window:
        """Run `steps` steps without a pause and synchronise once, at the end."""

    def now_s(self) -> float:
        """Return seconds since some fixed moment; never goes back."""


class WallClock:
    """Times by the wall; `synchronise` waits for a device, None stands for the CPU."""

    name = "wall_clock"

    def __init__(self, synchronise: Callable[[], object] | None = None) -> None:
        self._synchronise = synchronise

    def window(self, step: Step, steps: int) -> Window:
        """Run `steps` steps without a pause and synchronise once, at the end."""
        wait = self._synchronise
        if wait is not None:
            wait()
        start_s = time.perf_counter()
        for _ in range(steps):
            step()
        issued_s = end_s = time.perf_counter()
        if wait is not None:
            wait()
            end_s = time.perf_counter()
        wall_s = end_s - start_s
        return Window(steps, wall_s, wall_s, None if wait is None else end_s - issued_s)

    def now_s(self) -> float:
        """Return seconds since some fixed moment; never goes back."""
        return time.perf_counter()


class CudaClock:
    """Times by a pair of CUDA events on the device's current stream, with the wall beside."""

    name = "cuda_events"

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def window(self, step: Step, steps: int) -> Window:
        """Run `steps` steps without a pause and synchronise once, at the end."""
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        stream = torch.cuda.current_stream(self._device)
        torch.cuda.synchronize(self._device)
        start_s = time.perf_counter()
        start.record(stream)
        for _ in range(steps):
            step()
        end.record(stream)
        issued_s = time.perf_counter()
        torch.cuda.synchronize(self._device)
        end_s = time.perf_counter()
        return Window(steps, start.elapsed_time(end) / 1e3, end_s - start_s, end_s - issued_s)

    def now_s(self) -> float:
        """Return seconds since some fixed moment; never goes back."""
        return time.perf_counter()


def make_clock(timer: str, device: torch.device) -> Clock:
    """Return the clock a protocol asks for; a CPU has no events, so the wall serves there."""
    if device.type == "cpu":
        return WallClock()
    if timer == "cuda_events":
        return CudaClock(device)
    return WallClock(lambda: torch.cuda.synchronize(device))

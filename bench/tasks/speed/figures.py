"""From timed windows and driver readings to values, samples and flags; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from bench.metrics.spread import median, quantile, quartiles
from bench.probes.clock import Window
from bench.probes.nvml import Stamp
from bench.probes.windows import Timed, WarmedUp
from bench.spec.protocol import Protocol

# beyond this the wall and the device disagree on how long a window took
WALL_GAP_PERCENT = 2.0
# A device that is the bottleneck has work queued when the last step is handed to it: at least
# this share of a window, or of a step, since the queue of CUDA holds about a thousand kernels.
LEAD_OF_WINDOW = 0.02
LEAD_OF_STEP = 0.25
# the driver's energy counter moves every 20 to 100 ms, so a short stretch is mostly rounding
ENERGY_MIN_S = 2.0


@dataclass(frozen=True, slots=True)
class StepFigures:
    """Seconds per step over the windows; one window alone has no spread (None)."""

    median_s: float
    mean_s: float
    min_s: float
    p90_s: float | None
    iqr_s: float | None
    wall_gap_percent: float

    @classmethod
    def of(cls, timed: Timed) -> StepFigures:
        """Summarise the windows; the mean weighs every step alike."""
        device = [window.step_s for window in timed.windows]
        wall = [window.wall_step_s for window in timed.windows]
        low, high = quartiles(device)
        several = len(device) > 1
        return cls(
            median_s=median(device),
            mean_s=sum(window.device_s for window in timed.windows) / _steps(timed),
            min_s=min(device),
            p90_s=quantile(device, 0.9) if several else None,
            iqr_s=high - low if several else None,
            wall_gap_percent=100 * (median(wall) / median(device) - 1),
        )

    def by(self, protocol: Protocol) -> float:
        """Return the seconds per step that are the protocol's result."""
        return self.median_s if protocol.statistic == "median" else self.mean_s


def _steps(timed: Timed) -> int:
    return sum(window.steps for window in timed.windows)


def samples(timed: Timed, stamps: Sequence[Stamp]) -> dict[str, tuple[float, ...]]:
    """Return the raw series, one entry per window; driver readings only where all are there."""
    found = {
        "step_s": [window.step_s for window in timed.windows],
        "window_wall_step_s": [window.wall_step_s for window in timed.windows],
        "window_steps": [float(window.steps) for window in timed.windows],
    }
    readings = {
        "window_lead_s": [window.lead_s for window in timed.windows],
        "window_sm_clock_mhz": [stamp.sm_clock_mhz for stamp in stamps[1:]],
        "window_temperature_c": [stamp.temperature_c for stamp in stamps[1:]],
        "window_power_w": [stamp.power_w for stamp in stamps[1:]],
    }
    for name, values in readings.items():
        known = [value for value in values if value is not None]
        if known and len(known) == len(values):
            found[name] = known
    return {name: tuple(values) for name, values in found.items()}


def flags(timed: Timed, warmed: WarmedUp, figures: StepFigures, stamps: Sequence[Stamp]) -> tuple[str, ...]:
    """Return what qualifies the figures: nothing is ever left out because of a flag."""
    throttled = {name for stamp in stamps[1:] for name in stamp.throttle}
    raised = {
        "not_converged": timed.converged is False,
        "warm_up_not_converged": warmed.converged is False,
        "cpu_bound": figures.wall_gap_percent > WALL_GAP_PERCENT or waits_for_host(timed.windows),
        "power_capped": "sw_power_cap" in throttled,
        "throttled": bool(throttled - {"sw_power_cap"}),
        "energy_too_short": stamps[0].energy_j is not None and _timed_s(timed) < ENERGY_MIN_S,
    }
    return tuple(name for name, on in raised.items() if on)


def waits_for_host(windows: Sequence[Window]) -> bool:
    """Say whether the device had next to nothing queued when the last step was handed to it.

    Events do not show this by themselves: the pauses between kernels are part of their time.
    """
    idle = [
        window.lead_s < min(LEAD_OF_WINDOW * window.wall_s, LEAD_OF_STEP * window.wall_step_s)
        for window in windows
        if window.lead_s is not None
    ]
    return sum(idle) > len(windows) / 2


def energy_j_per_image(timed: Timed, stamps: Sequence[Stamp], batch_images: int) -> float | None:
    """Return joules per image over all windows, or None where they were short or nothing counted."""
    first, last = stamps[0].energy_j, stamps[-1].energy_j
    if first is None or last is None or _timed_s(timed) < ENERGY_MIN_S:
        return None
    return (last - first) / (batch_images * _steps(timed))


def _timed_s(timed: Timed) -> float:
    return sum(window.wall_s for window in timed.windows)


def details(timed: Timed, warmed: WarmedUp, stamps: Sequence[Stamp], timer: str) -> dict[str, JsonValue]:
    """Return how the figures were taken."""
    reasons: list[JsonValue] = [list[JsonValue](stamp.throttle) for stamp in stamps[1:]]
    return {
        "timer": timer,
        "windows": len(timed.windows),
        "warmup_windows": warmed.windows,
        "warmup_s": warmed.seconds,
        "window_throttle_reasons": reasons if any(reasons) else [],
    }

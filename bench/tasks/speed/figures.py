"""From timed windows and driver readings to values, samples and flags; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from bench.metrics.spread import median, quantile, quartiles
from bench.probes.nvml import Stamp
from bench.probes.windows import Timed, WarmedUp
from bench.spec.protocol import Protocol

CPU_BOUND_PERCENT = 2.0
# the driver's energy counter moves every 20 to 100 ms, so a short stretch is mostly rounding
ENERGY_MIN_S = 4.0


@dataclass(frozen=True, slots=True)
class StepFigures:
    """Seconds per step over the windows: the protocol's statistic, spread and extremes."""

    step_s: float
    iqr_s: float
    min_s: float
    p90_s: float
    wall_gap_percent: float

    @classmethod
    def of(cls, timed: Timed, protocol: Protocol) -> StepFigures:
        """Summarise the windows by the protocol's statistic."""
        device = [window.step_s for window in timed.windows]
        wall = [window.wall_step_s for window in timed.windows]
        low, high = quartiles(device)
        return cls(
            step_s=median(device) if protocol.statistic == "median" else _mean(timed),
            iqr_s=high - low,
            min_s=min(device),
            p90_s=quantile(device, 0.9),
            wall_gap_percent=100 * (median(wall) / median(device) - 1),
        )


def _mean(timed: Timed) -> float:
    return sum(window.device_s for window in timed.windows) / sum(window.steps for window in timed.windows)


def samples(timed: Timed, stamps: Sequence[Stamp]) -> dict[str, tuple[float, ...]]:
    """Return the raw series, one entry per window; driver readings only where all are there."""
    found = {
        "step_s": [window.step_s for window in timed.windows],
        "window_wall_step_s": [window.wall_step_s for window in timed.windows],
        "window_steps": [float(window.steps) for window in timed.windows],
    }
    readings = {
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
        "cpu_bound": figures.wall_gap_percent > CPU_BOUND_PERCENT,
        "power_capped": "sw_power_cap" in throttled,
        "throttled": bool(throttled - {"sw_power_cap"}),
    }
    return tuple(name for name, on in raised.items() if on)


def energy_j_per_image(timed: Timed, stamps: Sequence[Stamp], batch_images: int) -> float | None:
    """Return joules per image over all windows, or None where they were short or nothing counted."""
    first, last = stamps[0].energy_j, stamps[-1].energy_j
    wall_s = sum(window.wall_s for window in timed.windows)
    if first is None or last is None or wall_s < ENERGY_MIN_S:
        return None
    return (last - first) / (batch_images * sum(window.steps for window in timed.windows))


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

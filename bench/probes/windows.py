"""Warm-up, calibration and stop rule of a timed measurement; pure but for the clock it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.metrics.spread import median, relative_half_iqr
from bench.probes.clock import Clock, Step, Window
from bench.spec.protocol import TimedPart, TimingWindows, Warmup, WarmupSteps

WARMUP_WINDOW_S = 0.05


@dataclass(frozen=True, slots=True)
class WarmedUp:
    """How the untimed part went; `converged` is None where a fixed number of steps was asked for."""

    windows: int
    seconds: float
    step_s: float
    converged: bool | None


@dataclass(frozen=True, slots=True)
class Timed:
    """The timed windows in order, and whether their spread reached its target (None: no target)."""

    windows: tuple[Window, ...]
    converged: bool | None


def warm_up(clock: Clock, step: Step, rule: Warmup) -> WarmedUp:
    """Run untimed steps until the rule is met; the first step is always run on its own."""
    start_s = clock.now_s()
    first = clock.window(step, 1)
    if isinstance(rule, WarmupSteps):
        rest = clock.window(step, rule.steps - 1) if rule.steps > 1 else first
        return WarmedUp(2 if rule.steps > 1 else 1, clock.now_s() - start_s, rest.step_s, None)
    found: list[float] = []
    steps, converged = 1, False
    while True:
        window = clock.window(step, steps)
        found.append(window.step_s)
        steps = steps_for(WARMUP_WINDOW_S, window.step_s)
        passed_s = clock.now_s() - start_s
        converged = settled(found, rule.group, rule.tolerance)
        if passed_s >= rule.max_s or (passed_s >= rule.min_s and converged):
            return WarmedUp(len(found), passed_s, median(found[-rule.group :]), converged)


def settled(step_s: list[float], group: int, tolerance: float) -> bool:
    """Say whether the medians of the last two groups of windows differ by less than `tolerance`."""
    if len(step_s) < 2 * group:
        return False
    before, last = median(step_s[-2 * group : -group]), median(step_s[-group:])
    return abs(last - before) < tolerance * before


def steps_for(window_s: float, step_s: float) -> int:
    """Return how many steps make a window last about `window_s`; at least one."""
    return max(1, round(window_s / step_s)) if step_s > 0 else 1


@dataclass(frozen=True, slots=True)
class Turn:
    """One of several steps that are timed against each other.

    `step_s` is a first guess of its time, and `between` is called after each of its windows.
    """

    clock: Clock
    step: Step
    step_s: float
    between: Callable[[], None] = lambda: None


def time_in_turn(turns: Sequence[Turn], rule: TimedPart) -> tuple[Timed, ...]:
    """Run the timed parts of several steps, one window of each after the other.

    So what changes while they run, a clock or a busy host, falls on all of them alike. All get equally many
    windows, until each is steady or there were as many or as long ones as the rule allows each.
    """
    if isinstance(rule, TimingWindows):
        return _until_steady(turns, rule)
    steps, windows = (1, rule.steps) if rule.synchronise == "step" else (rule.steps, 1)
    found: list[list[Window]] = [[] for _ in turns]
    for _ in range(windows):
        for turn, own in zip(turns, found, strict=True):
            own.append(turn.clock.window(turn.step, steps))
            if rule.synchronise == "once":
                turn.between()
    return tuple(Timed(tuple(own), None) for own in found)


def _until_steady(turns: Sequence[Turn], rule: TimingWindows) -> tuple[Timed, ...]:
    clock = turns[0].clock
    start_s = clock.now_s()
    steps = [steps_for(rule.window_s, turn.step_s) for turn in turns]
    found: list[list[Window]] = [[] for _ in turns]
    while True:
        for turn, count, own in zip(turns, steps, found, strict=True):
            own.append(turn.clock.window(turn.step, count))
            turn.between()
        windows = len(found[0])
        if windows < rule.min_windows:
            continue
        steady = [relative_half_iqr([window.step_s for window in own]) < rule.target_spread for own in found]
        out_of_time = clock.now_s() - start_s >= rule.max_s * len(turns) or windows >= rule.max_windows
        if all(steady) or out_of_time:
            return tuple(Timed(tuple(own), at) for own, at in zip(found, steady, strict=True))

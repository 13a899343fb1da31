"""Warm-up, calibration and stop rule, against clocks that obey a script."""

from collections.abc import Callable

import pytest

from bench.metrics.spread import median
from bench.probes.clock import Clock, Step
from bench.probes.windows import Timed, Turn, settled, steps_for, time_in_turn, warm_up
from bench.spec.protocol import TimedPart, TimingSteps, TimingWindows, WarmupConvergence, WarmupSteps

MakeClock = Callable[..., Clock]

CONVERGENCE = WarmupConvergence(min_s=0.5, max_s=5.0, group=3, tolerance=0.01)
WINDOWS = TimingWindows(min_windows=10, max_windows=30, window_s=0.3, target_spread=0.005, max_s=10.0)


class Counter:
    """A step that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> None:
        self.calls += 1


def test_warm_up_by_steps_runs_just_these(make_clock: MakeClock) -> None:
    clock, step = make_clock(lambda _: 0.01), Counter()
    warmed = warm_up(clock, step, WarmupSteps(steps=50))
    assert step.calls == 50
    assert warmed.seconds == pytest.approx(0.5)
    assert warmed.step_s == pytest.approx(0.01)
    assert warmed.converged is None


def test_a_single_warm_up_step_is_allowed(make_clock: MakeClock) -> None:
    step = Counter()
    assert warm_up(make_clock(lambda _: 0.01), step, WarmupSteps(steps=1)).windows == 1
    assert step.calls == 1


def test_warm_up_goes_on_until_the_lower_bound_of_time(make_clock: MakeClock) -> None:
    warmed = warm_up(make_clock(lambda _: 0.01), Counter(), CONVERGENCE)
    assert warmed.converged is True
    assert 0.5 <= warmed.seconds < 0.6


def test_the_first_step_does_not_count_towards_convergence(make_clock: MakeClock) -> None:
    slow_start = make_clock(lambda number: 2.0 if number == 0 else 0.01)
    warmed = warm_up(slow_start, Counter(), CONVERGENCE)
    assert warmed.step_s == pytest.approx(0.01)
    # six windows make two groups; the first holds one step, the others 50 ms each
    assert warmed.windows == 6
    assert warmed.seconds == pytest.approx(2.0 + 0.01 + 5 * 0.05)


def test_warm_up_waits_while_steps_get_faster(make_clock: MakeClock) -> None:
    warming = make_clock(lambda number: 0.01 * (1 + 0.5 * 0.95**number))
    warmed = warm_up(warming, Counter(), CONVERGENCE)
    assert warmed.converged is True
    assert 0.8 < warmed.seconds < 5.0
    assert warmed.step_s == pytest.approx(0.01, rel=0.02)


def test_warm_up_stops_at_its_upper_bound(make_clock: MakeClock) -> None:
    ever_slower = make_clock(lambda number: 0.01 * 1.01**number)
    warmed = warm_up(ever_slower, Counter(), CONVERGENCE)
    assert warmed.converged is False
    assert warmed.seconds >= 5.0


@pytest.mark.parametrize(
    ("step_s", "expected"),
    [
        ([1.0] * 5, False),
        ([1.0] * 6, True),
        ([1.02, 1.02, 1.02, 1.0, 1.0, 1.0], False),
        ([1.009, 1.009, 9.0, 1.0, 1.0, 9.0], True),
        ([9.0, 9.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], True),
    ],
)
def test_settled_compares_medians_of_the_last_two_groups(step_s: list[float], expected: bool) -> None:
    assert settled(step_s, group=3, tolerance=0.01) is expected


@pytest.mark.parametrize(
    ("window_s", "step_s", "steps"), [(0.3, 0.01, 30), (0.3, 0.02501, 12), (0.3, 5.0, 1), (0.3, 0.0, 1)]
)
def test_steps_per_window(window_s: float, step_s: float, steps: int) -> None:
    assert steps_for(window_s, step_s) == steps


def alone(
    clock: Clock, step: Step, rule: TimedPart, step_s: float, between: Callable[[], None] = lambda: None
) -> Timed:
    (timed,) = time_in_turn([Turn(clock, step, step_s, between)], rule)
    return timed


def test_steady_windows_stop_at_the_least_number(make_clock: MakeClock) -> None:
    clock, readings = make_clock(lambda _: 0.01), Counter()
    timed = alone(clock, Counter(), WINDOWS, 0.01, readings)
    assert timed.converged is True
    assert [window.steps for window in timed.windows] == [30] * 10
    assert readings.calls == 10


def noisy(number: int) -> float:
    """Every second window of 30 steps is 20 percent slower."""
    return 0.012 if number // 30 % 2 else 0.01


def test_noisy_windows_stop_at_the_greatest_number(make_clock: MakeClock) -> None:
    timed = alone(make_clock(noisy), Counter(), WINDOWS, 0.01)
    assert timed.converged is False
    # 29 windows take less than 10 s
    assert len(timed.windows) == 30


def test_windows_stop_when_the_time_is_up(make_clock: MakeClock) -> None:
    short = WINDOWS.model_copy(update={"max_s": 4.0})
    timed = alone(make_clock(noisy), Counter(), short, 0.01)
    assert timed.converged is False
    assert len(timed.windows) == 13


def test_slow_steps_still_give_the_least_number_of_windows(make_clock: MakeClock) -> None:
    timed = alone(make_clock(lambda _: 3.0), Counter(), WINDOWS, 3.0)
    assert [window.steps for window in timed.windows] == [1] * 10


def test_windows_go_on_until_the_spread_is_small(make_clock: MakeClock) -> None:
    # four slow windows are more than a quarter of 13 and less than a quarter of 17
    settling = make_clock(lambda number: 0.02 if number < 120 else 0.01)
    timed = alone(settling, Counter(), WINDOWS, 0.01)
    assert timed.converged is True
    assert len(timed.windows) == 17


@pytest.mark.parametrize(("synchronise", "windows", "readings"), [("step", [1] * 40, 0), ("once", [40], 1)])
def test_a_fixed_number_of_steps(
    make_clock: MakeClock, synchronise: str, windows: list[int], readings: int
) -> None:
    step, between = Counter(), Counter()
    rule = TimingSteps.model_validate({"steps": 40, "synchronise": synchronise})
    timed = alone(make_clock(lambda _: 0.01), step, rule, 0.01, between)
    assert [window.steps for window in timed.windows] == windows
    assert step.calls == 40
    assert between.calls == readings
    assert timed.converged is None


class Host:
    """Clocks of one host that gets slower with every window; `order` is whose window each was."""

    def __init__(self, make_clock: MakeClock, drift: float) -> None:
        self.order: list[str] = []
        self._number = 0
        self._drift = drift
        self._make_clock = make_clock

    def turn(self, name: str, step_s: float) -> Turn:
        clock = self._make_clock(lambda _: step_s * (1 + self._drift * self._number))

        def between() -> None:
            self.order.append(name)
            self._number += 1

        return Turn(clock, Counter(), step_s, between)


def test_steps_that_are_compared_take_turns(make_clock: MakeClock) -> None:
    host = Host(make_clock, drift=0.0)
    whole, part = time_in_turn([host.turn("whole", 0.03), host.turn("part", 0.01)], WINDOWS)
    assert host.order == ["whole", "part"] * 10
    assert [window.steps for window in whole.windows] == [10] * 10
    assert [window.steps for window in part.windows] == [30] * 10
    assert whole.converged is part.converged is True


def test_a_drift_falls_on_all_that_take_turns(make_clock: MakeClock) -> None:
    """A host that gets twice as slow must not make a part of the work slower than the whole."""
    host = Host(make_clock, drift=0.025)
    whole, part = time_in_turn([host.turn("whole", 0.0104), host.turn("part", 0.01)], WINDOWS)
    assert len(whole.windows) == len(part.windows) == 30
    assert whole.converged is part.converged is False
    ratio = median([each.step_s for each in whole.windows]) / median([each.step_s for each in part.windows])
    assert ratio == pytest.approx(1.04, abs=0.02)


def test_all_go_on_until_the_last_is_steady(make_clock: MakeClock) -> None:
    settling = make_clock(lambda number: 0.02 if number < 120 else 0.01)
    steady = Turn(make_clock(lambda _: 0.01), Counter(), 0.01)
    found = time_in_turn([steady, Turn(settling, Counter(), 0.01)], WINDOWS)
    assert [len(each.windows) for each in found] == [17, 17]
    assert [each.converged for each in found] == [True, True]


def test_a_fixed_number_of_steps_takes_turns_too(make_clock: MakeClock) -> None:
    host = Host(make_clock, drift=0.0)
    rule = TimingSteps(steps=3, synchronise="once")
    found = time_in_turn([host.turn("whole", 0.03), host.turn("part", 0.01)], rule)
    assert host.order == ["whole", "part"]
    assert [[window.steps for window in each.windows] for each in found] == [[3], [3]]
    assert [each.converged for each in found] == [None, None]

"""Values, samples and flags from windows and readings that a test makes up."""

import math

import pytest

from bench.catalog import read
from bench.probes.clock import Window
from bench.probes.nvml import Stamp
from bench.probes.windows import Timed, WarmedUp
from bench.tasks.speed.figures import (
    StepFigures,
    details,
    energy_j_per_image,
    flags,
    samples,
    waits_for_host,
)

WARMED = WarmedUp(windows=6, seconds=0.5, step_s=0.01, converged=True)
UNKNOWN = (Stamp(), Stamp())


def windows(*step_s: float, steps: int = 10, gap: float = 1.0, lead_s: float | None = None) -> Timed:
    found = tuple(Window(steps, steps * each, steps * each * gap, lead_s) for each in step_s)
    return Timed(found, True)


def raised(timed: Timed, *stamps: Stamp, warmed: WarmedUp = WARMED) -> tuple[str, ...]:
    return flags(timed, warmed, StepFigures.of(timed), stamps or UNKNOWN)


def test_figures_of_five_windows() -> None:
    figures = StepFigures.of(windows(0.010, 0.012, 0.011, 0.030, 0.013))
    assert figures.median_s == pytest.approx(0.012)
    assert figures.mean_s == pytest.approx(0.0152)
    assert figures.min_s == pytest.approx(0.010)
    assert figures.iqr_s == pytest.approx(0.002)
    assert figures.p90_s == pytest.approx(0.0232)
    assert figures.wall_gap_percent == pytest.approx(0.0)


def test_the_mean_weighs_steps_and_not_windows() -> None:
    timed = Timed((Window(1, 0.04, 0.04), Window(3, 0.06, 0.06)), None)
    assert StepFigures.of(timed).mean_s == pytest.approx(0.025)


def test_the_protocol_chooses_the_statistic() -> None:
    figures = StepFigures.of(windows(0.01, 0.01, 0.04))
    assert figures.by(read.protocols()["house"]) == figures.median_s == pytest.approx(0.01)
    assert figures.by(read.protocols()["timm"]) == figures.mean_s == pytest.approx(0.02)


def test_one_window_has_no_spread() -> None:
    figures = StepFigures.of(windows(0.01, steps=1000))
    assert (figures.iqr_s, figures.p90_s) == (None, None)
    assert figures.min_s == pytest.approx(0.01)


def test_nothing_is_flagged_without_a_reason() -> None:
    assert raised(windows(0.01, 0.01)) == ()


def test_flags_for_spread_and_warm_up() -> None:
    restless = Timed(windows(0.01, 0.02).windows, False)
    assert raised(restless) == ("not_converged",)
    cold = WarmedUp(windows=9, seconds=5.0, step_s=0.01, converged=False)
    assert raised(windows(0.01), warmed=cold) == ("warm_up_not_converged",)
    by_steps = WarmedUp(windows=2, seconds=5.0, step_s=0.01, converged=None)
    assert raised(Timed(windows(0.01).windows, None), warmed=by_steps) == ()


@pytest.mark.parametrize(("gap", "flagged"), [(1.019, ()), (1.021, ("cpu_bound",))])
def test_a_gap_between_the_clocks_is_flagged(gap: float, flagged: tuple[str, ...]) -> None:
    assert raised(windows(0.01, 0.01, gap=gap)) == flagged


@pytest.mark.parametrize(
    ("steps", "lead_s", "waits"),
    [
        # 10 windows' steps of 10 ms: 2 percent of a window are 2 ms, a quarter of a step 2.5 ms
        (10, 0.0001, True),
        (10, 0.0019, True),
        (10, 0.0021, False),
        # with more steps a quarter of a step decides: the queue of CUDA is finite
        (50, 0.0024, True),
        (50, 0.0026, False),
        (1, 0.0001, True),
        (1, 0.0003, False),
        (10, None, False),
    ],
)
def test_a_device_that_runs_dry_waits_for_its_host(steps: int, lead_s: float | None, waits: bool) -> None:
    timed = windows(0.01, 0.01, 0.01, steps=steps, lead_s=lead_s)
    assert waits_for_host(timed.windows) is waits
    assert raised(timed) == (("cpu_bound",) if waits else ())


def test_most_windows_decide_on_waiting() -> None:
    dry, fed = windows(0.01, lead_s=0.0).windows, windows(0.01, lead_s=0.05).windows
    assert waits_for_host(dry * 3 + fed * 2)
    assert not waits_for_host(dry * 2 + fed * 2)


def test_throttling_is_flagged_and_nothing_is_dropped() -> None:
    capped, hot = Stamp(throttle=("sw_power_cap",)), Stamp(throttle=("hw_thermal", "sw_power_cap"))
    timed = windows(0.01, 0.01)
    assert raised(timed, Stamp(), capped, Stamp()) == ("power_capped",)
    assert raised(timed, Stamp(), capped, hot) == ("power_capped", "throttled")
    # what happened before the first window is not part of the figure
    assert raised(timed, hot, Stamp(), Stamp()) == ()
    kept = details(timed, WARMED, (Stamp(), capped, hot), "cuda_events")
    assert kept["window_throttle_reasons"] == [["sw_power_cap"], ["hw_thermal", "sw_power_cap"]]
    assert kept["windows"] == 2


def test_details_without_throttling() -> None:
    assert details(windows(0.01), WARMED, UNKNOWN, "wall_clock") == {
        "timer": "wall_clock",
        "windows": 1,
        "warmup_windows": 6,
        "warmup_s": 0.5,
        "window_throttle_reasons": [],
    }


def test_energy_is_that_of_all_images() -> None:
    timed = windows(0.1, 0.1, 0.1, steps=10)
    assert energy_j_per_image(timed, (Stamp(energy_j=500.0), Stamp(), Stamp(energy_j=2300.0)), 60) == 1.0


@pytest.mark.parametrize(
    ("step_s", "stamps", "flagged"),
    [
        (0.06, (Stamp(energy_j=1.0), Stamp(energy_j=2.0)), ("energy_too_short",)),
        (0.3, (Stamp(), Stamp(energy_j=2.0)), ()),
        (0.3, (Stamp(energy_j=1.0), Stamp()), ()),
    ],
)
def test_energy_is_left_out(step_s: float, stamps: tuple[Stamp, ...], flagged: tuple[str, ...]) -> None:
    timed = windows(step_s, step_s, step_s)
    assert energy_j_per_image(timed, stamps, 60) is None
    assert raised(timed, *stamps) == flagged


def test_samples_are_one_per_window() -> None:
    timed = windows(0.01, 0.02, gap=1.5, lead_s=0.003)
    stamps = (Stamp(), Stamp(1980, 50, 600.0), Stamp(1755, 60, 650.0))
    found = samples(timed, stamps)
    assert {name: len(series) for name, series in found.items()} == dict.fromkeys(found, 2)
    assert found["step_s"] == (0.01, 0.02)
    assert found["window_wall_step_s"] == pytest.approx((0.015, 0.03))
    assert found["window_steps"] == (10.0, 10.0)
    assert found["window_lead_s"] == (0.003, 0.003)
    assert found["window_sm_clock_mhz"] == (1980, 1755)
    assert found["window_temperature_c"] == (50, 60)
    assert found["window_power_w"] == (600.0, 650.0)
    assert all(math.isfinite(value) for series in found.values() for value in series)


def test_readings_that_are_not_there_make_no_series() -> None:
    found = samples(windows(0.01, 0.02), (Stamp(), Stamp(1980), Stamp()))
    assert set(found) == {"step_s", "window_wall_step_s", "window_steps"}

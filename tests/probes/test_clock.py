"""The wall clock and its order of events; CUDA events are tested on a GPU."""

import time

import pytest
import torch

from bench.probes.clock import Clock, WallClock, Window, make_clock


def test_the_wall_clock_times_all_steps_of_a_window() -> None:
    window = WallClock().window(lambda: time.sleep(0.01), 5)
    assert window.steps == 5
    assert 0.05 <= window.wall_s < 0.2
    assert window.device_s == window.wall_s
    assert window.step_s == window.wall_s / 5
    assert window.lead_s is None


def test_a_window_waits_for_the_device_before_and_after_but_not_between() -> None:
    events: list[str] = []
    clock = WallClock(lambda: events.append("wait"))
    clock.window(lambda: events.append("step"), 3)
    assert events == ["wait", "step", "step", "step", "wait"]


def test_waiting_after_the_last_step_counts_and_is_the_lead_of_the_host() -> None:
    window = WallClock(lambda: time.sleep(0.05)).window(lambda: None, 10)
    assert window.lead_s is not None
    assert 0.05 <= window.lead_s <= window.wall_s < 0.09


def test_seconds_per_step() -> None:
    window = Window(steps=4, device_s=2.0, wall_s=2.2, lead_s=1.0)
    assert window.step_s == 0.5
    assert window.wall_step_s == pytest.approx(0.55)


@pytest.mark.parametrize("timer", ["cuda_events", "wall_clock"])
def test_a_cpu_is_timed_by_the_wall(timer: str) -> None:
    clock: Clock = make_clock(timer, torch.device("cpu"))
    assert clock.name == "wall_clock"
    assert clock.window(lambda: None, 1).lead_s is None


def test_the_clock_does_not_go_back() -> None:
    clock = WallClock()
    assert clock.now_s() <= clock.now_s()

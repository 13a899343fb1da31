"""A clock that obeys a script, and torch's switches put back after each test."""

from collections.abc import Callable, Iterator

import pytest
import torch

from bench.probes.clock import Step, Window


class ScriptedClock:
    """Runs no faster and no slower than `seconds(number of the step)` says."""

    name = "scripted"

    def __init__(self, seconds: Callable[[int], float]) -> None:
        self._seconds = seconds
        self.passed_s = 0.0
        self.asked: list[int] = []

    def window(self, step: Step, steps: int) -> Window:
        begun = sum(self.asked)
        self.asked.append(steps)
        for _ in range(steps):
            step()
        took = sum(self._seconds(begun + number) for number in range(steps))
        self.passed_s += took
        return Window(steps, took, took)

    def now_s(self) -> float:
        return self.passed_s


MakeClock = Callable[[Callable[[int], float]], ScriptedClock]


@pytest.fixture
def make_clock() -> MakeClock:
    return ScriptedClock


@pytest.fixture
def _switches_put_back() -> Iterator[None]:
    cudnn = torch.backends.cudnn
    before = torch.backends.cuda.matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic
    yield
    torch.backends.cuda.matmul.allow_tf32 = before[0]
    cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic = before[1:]

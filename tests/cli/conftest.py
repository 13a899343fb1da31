"""The command line in this process, with a launcher that gives canned answers."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.cli.main import main
from bench.machine.identity import cpu_name, resolve_device, usable_cpu_count
from bench.machine.present import known
from bench.run.ending import Ended
from bench.spec.cell import Measure
from bench.spec.job import Job, Report
from bench.spec.record import Host, Measured, Outcome

HOST = Host(
    machine="named by the parent",
    device="cpu",
    cpu=cpu_name(),
    cpu_count=usable_cpu_count(),
    os=platform.platform(),
    python=platform.python_version(),
).model_copy(update=dict(known(resolve_device("cpu"))))
Answer = Outcome | Report | BaseException


class CannedLauncher:
    """Answers by the measure of the cell, raising what is an exception; notes what it was asked."""

    def __init__(self) -> None:
        self.answers: Mapping[Measure, Answer] = {}
        self.launched: list[str] = []

    def warm_up(self) -> None:
        """Have nothing to start."""

    def launch(self, job: Job, log: Path) -> Ended:
        assert log.read_bytes() == b""
        self.launched.append(job.cell.name)
        answer = self.answers.get(job.cell.measure, Measured(values={}))
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, Report) else Report(outcome=answer, host=HOST)


@dataclass(frozen=True)
class Ran:
    """What a command ended with and said, and the cells it measured."""

    code: int
    out: str
    err: str
    launched: list[str]


Cli = Callable[..., Ran]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Return a function that runs a command line on the CPU in an empty folder, with answers by measure."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    launcher = CannedLauncher()
    monkeypatch.setattr("bench.cli.run.ForkserverLauncher", lambda: launcher)

    def run(*arguments: str, **answers: Answer) -> Ran:
        launcher.answers, launcher.launched = answers, []
        code = main(arguments)
        said = capsys.readouterr()
        return Ran(code, said.out, said.err, launcher.launched)

    return run


@pytest.fixture
def write_suite(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes a suite of one sweep over one small model and returns its file name."""

    def write(*measures: str, head: str = "", precision: str = "fp32") -> str:
        sweep = (
            f"{{models: [mambaout_femto], task: quickstart, resolutions: [224], precisions: [{precision}], "
            f"measures: [{', '.join(measures)}], weights: random}}"
        )
        text = f"name: s\n{head}\nsweeps:\n  - {sweep}\n"
        (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
        return "s.yaml"

    return write

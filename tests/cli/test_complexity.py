"""The verb `complexity` counts what a suite counts, and refuses sizes that no suite takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.run.ending import Ended
from bench.spec.cell import Cell
from bench.spec.job import Job, Report
from bench.spec.record import Failed, Measured, Outcome
from tests.cli.conftest import HOST, CannedLauncher, Cli


class Noting(CannedLauncher):
    """Answers every job with one outcome and keeps its cell."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome, self.cells = outcome, list[Cell]()

    def launch(self, job: Job, log: object) -> Ended:
        del log
        self.cells.append(job.cell)
        return Report(outcome=self.outcome, host=HOST)


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[Outcome], Noting]:
    """Return a function that sets what the worker will say."""

    def set_answer(outcome: Outcome) -> Noting:
        launcher = Noting(outcome)
        monkeypatch.setattr("bench.cli.complexity.ForkserverLauncher", lambda: launcher)
        return launcher

    return set_answer


def test_it_counts_the_cell_that_a_suite_counts(
    cli: Cli, tmp_path: Path, answer: Callable[[Outcome], Noting]
) -> None:
    launcher = answer(Measured(values={"params": 1, "macs": 2}, details={"formula": "f"}))
    ran = cli("complexity", "mambaout_femto", "--size", "224", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out) == {
        "key": "mambaout_femto",
        "height_px": 224,
        "width_px": 224,
        "params": 1,
        "macs": 2,
        "formula": "f",
    }
    (tmp_path / "s.yaml").write_text(
        "name: s\nsweeps: [{models: [mambaout_femto], task: imagenet, resolutions: [224], "
        "precisions: [amp_fp16], measures: [complexity]}]\n",
        encoding="utf-8",
    )
    assert cli("run", "s.yaml", complexity=Measured(values={"params": 1})).code == 0
    (path,) = (tmp_path / "results" / "records").rglob("*.json")
    assert [cell.key for cell in launcher.cells] == [json.loads(path.read_text())["cell_key"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["mambaout_tini"],
            "unknown checkpoint 'mambaout_tini'; `bench models` lists them all; "
            "did you mean 'mambaout_tiny'?",
        ),
        (["zzz"], "unknown checkpoint 'zzz'; `bench models` lists them all"),
        (
            ["deit_small", "--size", "223x224"],
            "deit_small takes heights and widths that are multiples of 16 px, not 223x224; "
            "the nearest size is 224x224",
        ),
        (
            ["convnext_tiny", "--size", "8x40"],
            "convnext_tiny takes heights and widths of at least 32 px, not 8x40; the nearest size is 32x40",
        ),
    ],
)
def test_wrong_input_starts_no_worker(
    cli: Cli, answer: Callable[[Outcome], Noting], arguments: list[str], message: str
) -> None:
    launcher = answer(Measured(values={}))
    ran = cli("complexity", *arguments)
    assert (ran.code, ran.out, ran.err) == (2, "", f"bench: {message}\n")
    assert launcher.cells == []


def test_a_size_that_only_the_network_refuses(cli: Cli, answer: Callable[[Outcome], Noting]) -> None:
    answer(Failed(reason="unsupported", message="too small for it"))
    ran = cli("complexity", "resnet18", "--size", "8")
    assert (ran.code, ran.err) == (2, "bench: resnet18 at 8x8: too small for it\n")


def test_a_count_that_fails_names_the_size_that_works(cli: Cli, answer: Callable[[Outcome], Noting]) -> None:
    answer(Failed(reason="error", message="RuntimeError: m"))
    ran = cli("complexity", "convnext_tiny", "--size", "32x64")
    assert ran.code == 1
    assert ran.err == "bench: convnext_tiny at 32x64: RuntimeError: m; it was published at 224x224\n"
    ran = cli("complexity", "convnext_tiny")
    assert ran.err == "bench: convnext_tiny at 224x224: RuntimeError: m\n"

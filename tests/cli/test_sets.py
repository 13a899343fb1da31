"""Generated sets are made before the cells, seen on a terminal only."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.catalog import read
from bench.cli.sets import make_sets
from bench.spec.cell import Cell
from tests.cli.conftest import Cli
from tests.records import make_cell

WriteSuite = Callable[..., str]
TASKS = read.tasks()


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def accuracy_of(*tasks: str) -> list[Cell]:
    return [make_cell("resnet50", "accuracy", task=task) for task in tasks]


def test_a_run_makes_its_set_before_its_cells(cli: Cli, write_suite: WriteSuite, tmp_path: Path) -> None:
    ran = cli("run", write_suite("accuracy"))
    assert (ran.code, len(ran.launched)) == (0, 1)
    assert len(list((tmp_path / "data/quickstart/val").rglob("*.jpg"))) == 80
    assert "making" not in ran.err


def test_speed_needs_no_images(cli: Cli, write_suite: WriteSuite, tmp_path: Path) -> None:
    assert cli("run", write_suite("complexity")).code == 0
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(("quiet", "seen"), [(False, True), (True, False)])
def test_a_terminal_shows_how_far_it_is(
    quiet: bool, seen: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    make_sets(accuracy_of("quickstart_ade20k", "imagenet"), TASKS, tmp_path, quiet=quiet)
    assert ("making quickstart_ade20k" in terminal.getvalue()) is seen
    assert [path.name for path in tmp_path.iterdir()] == ["quickstart_ade20k"]


def test_what_cannot_be_made_is_left_to_the_cells(tmp_path: Path) -> None:
    (tmp_path / "quickstart_ade20k").write_text("a file")
    make_sets(accuracy_of("quickstart_ade20k", "quickstart_coco"), TASKS, tmp_path, quiet=True)
    assert (tmp_path / "quickstart_coco" / "val2017").is_dir()

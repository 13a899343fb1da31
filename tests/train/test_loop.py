"""A training learns, ends in time, and goes on after being killed as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from bench.spec.errors import UserError
from bench.train import state
from bench.train.loop import Diverged, Plan, Training
from tests.train.conftest import CPU, Line, classification

MODEL = "micro_mambaout"
TINY = ("train_images=40", "val_images=10", "batch=10", "epochs=6", "warmup_steps=2", "score_every=2")


def training(folder: Path, objective: Any, wish: str = "", **fields: Any) -> Training:
    torch.manual_seed(0)
    changes = {"epochs": 5, "lr": 0.2, "warmup_steps": 0, "ema_decay": 0.5, **fields.pop("recipe", {})}
    plan = Plan(folder, wish, 0, CPU, checkpoint_s=0, **fields)
    return Training(nn.Linear(1, 1), objective, classification(**changes), plan)


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / state.LOG).read_text().splitlines()]


def test_it_learns_and_says_what_it_did(tmp_path: Path) -> None:
    objective = Line()
    found = training(tmp_path, objective, recipe={"epochs": 20, "score_every": 8}).run()
    assert found.epochs == 20
    assert found.whole
    assert max(found.scores.values()) == found.scores[found.best] > 99
    assert float(found.weights["weight"]) == pytest.approx(3, abs=0.1)
    log = rows(tmp_path)
    assert [row["epoch"] for row in log] == [*range(1, 21), 20]
    assert log[0]["loss"] > 10 * log[-2]["loss"]
    assert [row["epoch"] for row in log if "ema_fit_percent" in row] == [8, 16, 20]
    assert log[-1]["event"] == "end"
    # raw and averaged weights at 8, 16 and the end
    assert objective.scored == 6


def test_a_slow_start_does_not_shorten_it(tmp_path: Path) -> None:
    class Warm(Line):
        def loss(self, model: nn.Module, step: int) -> torch.Tensor:
            # the first batch of all waits for kernels to be compiled
            time.sleep(0.01 if self.seen else 2.5)
            self.seen = True
            return super().loss(model, step)

        seen = False

    # torch imports what optimizers need with the first of them, which can take seconds
    training(tmp_path, Line())
    began = time.monotonic()
    found = training(tmp_path, Warm(), recipe={"epochs": 1000}, end_s=began + 8).run()
    assert found.epochs > 5
    assert rows(tmp_path)[0]["epoch_s"] > 2.5
    assert time.monotonic() - began < 8


def test_a_limit_ends_it_in_time_with_weights(tmp_path: Path) -> None:
    class Slow(Line):
        def loss(self, model: nn.Module, step: int) -> torch.Tensor:
            time.sleep(0.05)
            return super().loss(model, step)

    # torch imports what optimizers need with the first of them, which can take seconds
    training(tmp_path, Slow())
    began = time.monotonic()
    found = training(tmp_path, Slow(), recipe={"epochs": 1000}, end_s=began + 6).run()
    assert time.monotonic() - began < 6
    assert 1 <= found.epochs < 1000
    # the schedule was made shorter, so that the rate had fallen at the end
    assert rows(tmp_path)[-2]["of"] < 30


def test_a_timed_training_goes_on_with_its_plan_and_ends_once(tmp_path: Path) -> None:
    class Slow(Line):
        def loss(self, model: nn.Module, step: int) -> torch.Tensor:
            time.sleep(0.05)
            return super().loss(model, step)

    def timed(seconds: float) -> Training:
        made = training(tmp_path, Slow(), recipe={"epochs": 1000}, end_s=time.monotonic() + seconds)
        made.run()
        return made

    # torch imports what optimizers need with the first of them, which can take seconds
    training(tmp_path, Slow())
    first = timed(6)
    ended = len(rows(tmp_path))
    again = timed(6)
    assert again.epoch == first.epoch
    # the last scores, and nothing trained
    assert [row["event"] for row in rows(tmp_path)[ended:]] == ["end"]
    assert again.spent_s() >= first.before_s

    saved = state.restore(tmp_path, "")
    assert saved is not None
    plan = {**saved.parts["plan"], "epochs": saved.epoch + 40}
    state.save(tmp_path, saved._replace(parts={**saved.parts, "plan": plan}))
    timed(6)
    gone_on = next(row for row in rows(tmp_path) if row.get("epoch") == saved.epoch + 1)
    # not 1000: the rate must not rise to where it began
    assert gone_on["of"] < saved.epoch + 30

    # without a limit all epochs of the recipe are asked for
    saved = state.restore(tmp_path, "")
    assert saved is not None
    assert training(tmp_path, Line(), recipe={"epochs": saved.epoch + 3}).run().epochs == saved.epoch + 3


def test_a_limit_that_has_passed_still_gives_weights(tmp_path: Path) -> None:
    found = training(tmp_path, Line(), end_s=time.monotonic() - 1).run()
    assert (found.epochs, found.whole) == (0, False)
    assert set(found.weights) == {"weight", "bias"}


def test_it_goes_back_to_the_last_numbers_when_the_loss_is_none(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    class Breaks(Line):
        epochs = 0

        def begin(self) -> None:
            self.epochs += 1
            super().begin()

        def loss(self, model: nn.Module, step: int) -> torch.Tensor:
            return super().loss(model, step) * (float("nan") if self.epochs > 2 else 1)

    found = training(tmp_path, Breaks()).run()
    assert (found.epochs, found.whole) == (2, False)
    assert all(bool(value.isfinite().all()) for value in found.weights.values())
    assert "diverged" in [row.get("event") for row in rows(tmp_path)]
    always = Breaks()
    always.epochs = 9
    with pytest.raises(Diverged, match="lower `lr`"):
        training(tmp_path_factory.mktemp("new"), always).run()


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    training(tmp_path, Line(), "one").run()
    with pytest.raises(UserError, match=r"checkpoint.pt is of a training with another network"):
        training(tmp_path, Line(), "two").run()


def test_half_a_checkpoint_is_never_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state.save(tmp_path, state.Saved(1, 4, "", {}))

    def broken(_content: object, file: Any) -> None:
        file.write(b"half")
        raise OSError

    monkeypatch.setattr(torch, "save", broken)
    with pytest.raises(OSError):  # noqa: PT011 (whatever it says)
        state.save(tmp_path, state.Saved(2, 8, "", {}))
    saved = state.restore(tmp_path, "")
    assert saved is not None
    assert saved.epoch == 1


def command(out: Path, cache: Path, *changes: str) -> list[str]:
    sets = [part for change in changes for part in ("--set", change)]
    return [
        *(sys.executable, "-m", "bench.train", MODEL, "--out", str(out)),
        *("--cache", str(cache), "--checkpoint-s", "0", *sets),
    ]


def test_killed_and_taken_up_again_it_ends_with_the_same_weights(tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    options: dict[str, Any] = {"env": environment, "capture_output": True, "text": True, "timeout": 120}
    subprocess.run(command(whole, tmp_path / "cache", *TINY), check=True, **options)
    process = subprocess.Popen(command(killed, tmp_path / "cache", *TINY), env=environment)
    checkpoint = killed / state.CHECKPOINT
    deadline_s = time.monotonic() + 60
    while not checkpoint.is_file() and time.monotonic() < deadline_s:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    with (killed / state.LOG).open("a") as log:
        log.write('{"epoch": 6, "lo')
    subprocess.run(command(killed, tmp_path / "cache", *TINY), check=True, **options)
    first, second = (load_file(folder / f"{MODEL}.safetensors") for folder in (whole, killed))
    assert list(first) == list(second)
    assert all(torch.equal(first[name], value) for name, value in second.items())
    told = [
        [(row["epoch"], row["loss"]) for row in rows(folder) if "loss" in row] for folder in (whole, killed)
    ]
    assert told[0] == told[1]
    assert [row["event"] for row in rows(killed) if "event" in row] == ["start", "start", "end"]


def test_wrong_options_give_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.train", "micro_vin", "--out", str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert found.stderr == "bench.train: unknown model 'micro_vin'; did you mean 'micro_vim'?\n"

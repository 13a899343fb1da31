"""The training itself: steps, epochs, the average of the weights, checkpoints, and an end in time."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from bench.spec.errors import BenchError
from bench.train import state
from bench.train.average import Average
from bench.train.decay import groups
from bench.train.recipe import Recipe
from bench.train.schedule import RECENT, epochs_that_fit, learning_rate

RESERVE_S = 4.0
"""Kept for the end besides what two scores took."""
CHECKPOINT_S = 10.0


class Diverged(BenchError):
    """The loss is no longer a number."""


class Objective(Protocol):
    """What a network learns; see `classify`, `detect` and `segment`."""

    metric: str
    steps: int

    def begin(self) -> None:
        """Draw the order of an epoch."""

    def loss(self, model: nn.Module, step: int) -> Tensor:
        """Return the loss of batch number `step` of an epoch."""

    def score(self, model: nn.Module) -> float:
        """Return how good a network is on the data for validation, in percent."""


@dataclass(frozen=True)
class Plan:
    """How to train, besides the recipe.

    Attributes:
        folder: where checkpoint and log are written.
        wish: a text that names network, recipe and seed; a checkpoint of another is refused.
        seed: of order, views and dropped paths.
        device: of torch.
        end_s: when to be done, on the clock of `time.monotonic`; None for all epochs of the recipe.
        checkpoint_s: least seconds between checkpoints.

    """

    folder: Path
    wish: str
    seed: int
    device: torch.device
    end_s: float | None = None
    checkpoint_s: float = CHECKPOINT_S


@dataclass(frozen=True)
class Trained:
    """How a training ended: which weights were better, and what both reached in percent."""

    best: str
    weights: Mapping[str, Tensor]
    scores: Mapping[str, float]
    epochs: int
    whole: bool


@dataclass
class Training:
    """One network that learns."""

    model: nn.Module
    objective: Objective
    recipe: Recipe
    plan: Plan
    factor: float = 1.0
    epoch: int = 0
    step: int = 0
    pace_s: list[float] = field(default_factory=list)
    score_s: float = 0.0
    before_s: float = 0.0

    def __post_init__(self) -> None:
        self.average = Average(self.model, self.recipe.ema_decay)
        self.optimizer = torch.optim.AdamW(
            groups(self.model, self.recipe.weight_decay, self.factor), lr=self.recipe.lr
        )
        self._parameters = [each for each in self.model.parameters() if each.requires_grad]
        self._saved_s = -math.inf
        self._began_s = time.monotonic()
        self._epochs = self.recipe.epochs

    def run(self) -> Trained:
        """Train, from the last checkpoint on where there is one, and return the better weights.

        Raises `Diverged` where the loss is no longer a number and there is no checkpoint to fall back to.
        """
        self._restore()
        if 0 < self.epoch == self._epochs:
            # it had come to its end, and only its files are asked for again
            return self._finish()
        with tqdm(total=self.recipe.epochs, initial=self.epoch, unit="epoch", disable=None) as bar:
            while self.epoch < self._plan_epochs():
                bar.total = self._epochs
                if not self._one_epoch(bar):
                    break
                bar.update()
            else:
                # with the plan as it became, so that the same command sees that this is the end
                self._save(always=True)
        return self._finish()

    def _plan_epochs(self) -> int:
        left_s = self._left_s()
        if left_s is not None:
            self._epochs = epochs_that_fit(self.epoch, self.recipe.epochs, self.pace_s, left_s)
        return self._epochs

    def _left_s(self) -> float | None:
        if self.plan.end_s is None:
            return None
        return self.plan.end_s - time.monotonic() - RESERVE_S - 2 * self.score_s

    def _one_epoch(self, bar: tqdm[Any]) -> bool:
        """Train an epoch; say whether it was whole and its loss a number."""
        start_s = half_s = time.monotonic()
        seed_all(self.plan.seed, self.epoch)
        self.objective.begin()
        self.model.train()
        total = torch.zeros((), device=self.plan.device)
        for step in range(self.objective.steps):
            left_s = self._left_s()
            if left_s is not None and left_s <= 0:
                return False
            if step == self.objective.steps // 2:
                half_s = time.monotonic()
            total += self._one_step(step)
        loss = float(total) / self.objective.steps
        trained_s = time.monotonic()
        if not math.isfinite(loss):
            self._note({"event": "diverged", "in_epoch": self.epoch + 1})
            return self._step_back()
        self.epoch += 1
        row = {"epoch": self.epoch, "of": self._epochs, "loss": round(loss, 5), "lr": self._rate()}
        if self.epoch % self.recipe.score_every == 0 and self.epoch < self._epochs:
            row |= {f"{name}_{self.objective.metric}": value for name, value in self._scores().items()}
        # what the first batches wait for, such as kernels that are compiled, does not come again
        later = self.objective.steps - self.objective.steps // 2
        scored_s = time.monotonic() - trained_s
        self.pace_s.append((trained_s - half_s) * self.objective.steps / later + scored_s)
        self._note(row | {"epoch_s": round(time.monotonic() - start_s, 3)})
        bar.set_postfix(loss=f"{loss:.3f}")
        self._save(always=self.epoch == self._epochs)
        return True

    def _one_step(self, step: int) -> Tensor:
        for group in self.optimizer.param_groups:
            group["lr"] = group["factor"] * self._rate()
        with self._autocast():
            loss = self.objective.loss(self.model, step)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._parameters, self.recipe.clip_norm)
        self.optimizer.step()
        self.average.update(self.step)
        self.step += 1
        return loss.detach()

    def spent_s(self) -> float:
        """Return the seconds of training, those of processes before this one included."""
        return self.before_s + time.monotonic() - self._began_s

    def _rate(self) -> float:
        return learning_rate(self.recipe, self.step, self._epochs * self.objective.steps)

    def _autocast(self) -> AbstractContextManager[object]:
        if self.plan.device.type != "cuda" or self.recipe.precision != "amp_bf16":
            return nullcontext()
        return torch.autocast("cuda", torch.bfloat16)

    def _scores(self) -> dict[str, float]:
        start_s = time.monotonic()
        found = {}
        for name, network in self._networks().items():
            with evaluating(network):
                found[name] = round(self.objective.score(network), 3)
        self.score_s = time.monotonic() - start_s
        return found

    def _networks(self) -> dict[str, nn.Module]:
        return {"raw": self.model, "ema": self.average.module}

    def _finish(self) -> Trained:
        whole = self.epoch >= self._epochs
        scores = self._scores()
        best = max(scores, key=lambda name: scores[name])
        self._note(
            {"event": "end", "epoch": self.epoch, "best": best, "whole": whole}
            | {f"{name}_{self.objective.metric}": value for name, value in scores.items()}
        )
        weights = {name: value.detach().cpu() for name, value in self._networks()[best].state_dict().items()}
        return Trained(best, weights, scores, self.epoch, whole)

    def _note(self, row: dict[str, Any]) -> None:
        state.append(self.plan.folder, row)

    def _save(self, *, always: bool) -> None:
        now_s = time.monotonic()
        if not always and now_s - self._saved_s < self.plan.checkpoint_s:
            return
        parts = {
            "model": self.model.state_dict(),
            "ema": self.average.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "plan": {"epochs": self._epochs, "pace_s": self.pace_s[-RECENT:], "score_s": self.score_s},
            "before_s": self.spent_s(),
        }
        state.save(self.plan.folder, state.Saved(self.epoch, self.step, self.plan.wish, parts))
        self._saved_s = now_s

    def _restore(self) -> None:
        saved = state.restore(self.plan.folder, self.plan.wish)
        state.forget(self.plan.folder, 0 if saved is None else saved.epoch)
        if saved is None:
            return
        self.epoch, self.step = saved.epoch, saved.step
        self.model.load_state_dict(saved.parts["model"])
        self.average.module.load_state_dict(saved.parts["ema"])
        self.optimizer.load_state_dict(saved.parts["optimizer"])
        plan = saved.parts["plan"]
        self.pace_s, self.score_s = list(plan["pace_s"]), plan["score_s"]
        if self.plan.end_s is not None:
            self._epochs = plan["epochs"]
        self.before_s = saved.parts["before_s"]
        self._began_s = time.monotonic()

    def _step_back(self) -> bool:
        """Take the last good weights and end."""
        if state.restore(self.plan.folder, self.plan.wish) is None:
            raise Diverged(f"{self.plan.folder}: the loss is no longer a number; lower `lr` of the recipe")
        self._restore()
        return False


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Within, a network is in eval mode and no gradients are recorded."""
    before = network.training
    network.eval()
    try:
        # not inference mode: tables that networks keep would then be of no use to the next training step
        with torch.no_grad():
            yield
    finally:
        network.train(before)


def seed_all(seed: int, epoch: int) -> None:
    """Start the generators of Python, NumPy and torch anew: an epoch must not hang on those before."""
    mixed = (seed * 1_000_003 + epoch) % 2**32
    random.seed(mixed)
    np.random.seed(mixed)
    torch.manual_seed(mixed)

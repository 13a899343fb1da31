"""The learning rate of every step, and how many epochs fit into a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.train.recipe import Recipe

RECENT = 5


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Return the rate of step number `step` of `steps`, from 0.

    min + (lr - min) (1 + cos(pi step / steps)) / 2 (SGDR, Loshchilov and Hutter 2017), times
    (step + 1) / warmup_steps while that is below 1.
    """
    falling = (1 + math.cos(math.pi * min(step / max(steps, 1), 1.0))) / 2
    rising = min(1.0, (step + 1) / recipe.warmup_steps) if recipe.warmup_steps else 1.0
    return (recipe.min_lr + (recipe.lr - recipe.min_lr) * falling) * rising


def epochs_that_fit(done: int, longest: int, pace_s: Sequence[float], left_s: float) -> int:
    """Return how many epochs there will be in all: those done and those that fit into `left_s`.

    An epoch is taken to last as long as the recent ones of `pace_s` (seconds) did on average. Without
    any, the answer is `longest`, which is never exceeded.
    """
    recent = pace_s[-RECENT:]
    if not recent:
        return longest
    each_s = sum(recent) / len(recent)
    return min(longest, done + max(0, int(left_s / max(each_s, 1e-9))))

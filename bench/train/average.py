"""An exponential moving average of a network's weights."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

FIRST, SLOWER = 1, 10


def decay_at(step: int, decay: float) -> float:
    """Return the share that the average keeps in step `step` from 0: less at the beginning.

    min(decay, (1 + step) / (10 + step)), as in TensorFlow's ExponentialMovingAverage.
    """
    return min(decay, (FIRST + step) / (SLOWER + step))


class Average:
    """A second network whose parameters follow the first: average <- d average + (1 - d) weights.

    Buffers, such as the statistics of batch norms, which are averages already, are copied.

    Attributes:
        module: the network with the averaged weights, in eval mode.

    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(model).eval().requires_grad_(False)
        self._decay = decay
        self._pairs: tuple[list[Tensor], list[Tensor]] = (
            list(self.module.parameters()),
            list(model.parameters()),
        )
        self._buffers = list(zip(self.module.buffers(), model.buffers(), strict=True))

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after step number `step`."""
        averaged, weights = self._pairs
        torch._foreach_lerp_(averaged, weights, 1.0 - decay_at(step, self._decay))
        for mine, theirs in self._buffers:
            mine.copy_(theirs)

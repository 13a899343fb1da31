"""Where the weights of narrow networks start."""

from __future__ import annotations

import math

import torch
from torch import nn

TOO_NARROW = 0.5


@torch.no_grad()
def spread(model: nn.Module, classes: int) -> None:
    """Scale the layers that start far narrower than fan_in^-0.5 up to that standard deviation, in place.

    The 0.02 of the papers is meant for hundreds of channels. With a tenth of them every branch starts near
    zero, and hundreds of steps pass before anything is learnt. The layer that decides keeps its start.
    """
    for module in model.modules():
        if not isinstance(module, nn.Linear | nn.Conv2d) or module.weight.shape[0] == classes:
            continue
        wanted = 1 / math.sqrt(module.weight[0].numel())
        found = float(module.weight.detach().std())
        if found < TOO_NARROW * wanted:
            module.weight.mul_(wanted / found)

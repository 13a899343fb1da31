"""Initial values of the state-space parameters (Mamba, Gu and Dao 2023, section 3.6; S4D-real)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

STEP_MIN, STEP_MAX, STEP_FLOOR = 1e-3, 1e-1, 1e-4


def decay_logs(channels: int, states: int) -> Tensor:
    """Return log(1..n) in every row, (channels, n): A = -exp of it."""
    return torch.log(torch.arange(1, states + 1, dtype=torch.float32)).repeat(channels, 1)


def step_weight(*shape: int) -> Tensor:
    """Return the step-size projection (..., d, r), uniform in +-r^-0.5."""
    bound = shape[-1] ** -0.5
    return torch.empty(shape).uniform_(-bound, bound)


def step_bias(*shape: int) -> Tensor:
    """Return a bias whose softplus is log-uniform in [0.001, 0.1], not below 0.0001."""
    low, high = math.log(STEP_MIN), math.log(STEP_MAX)
    step = torch.empty(shape).uniform_(low, high).exp().clamp(min=STEP_FLOOR)
    return step + torch.log(-torch.expm1(-step))  # inverse softplus


def linear_weight(*shape: int) -> Tensor:
    """Return a stack of linear weights (..., out, in), each as `torch.nn.Linear` starts: +-in^-0.5."""
    bound = shape[-1] ** -0.5
    return torch.empty(shape).uniform_(-bound, bound)

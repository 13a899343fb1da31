"""Small trainings."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.train import recipe
from bench.train.recipe import ClassificationRecipe, DenseRecipe

CPU = torch.device("cpu")


@pytest.fixture
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def classification(**changes: object) -> ClassificationRecipe:
    found = recipe.read("classification", changes=changes)
    assert isinstance(found, ClassificationRecipe)
    return found


def dense(kind: Any, **changes: object) -> DenseRecipe:
    found = recipe.read(kind, changes=changes)
    assert isinstance(found, DenseRecipe)
    return found


class Line:
    """An objective that any linear layer of one input and output can learn: y = 3 x."""

    metric, steps = "fit_percent", 4

    def __init__(self) -> None:
        self.scored = 0
        self._x = torch.zeros(0)

    def begin(self) -> None:
        self._x = torch.randn(self.steps, 8, 1)

    def loss(self, model: nn.Module, step: int) -> Tensor:
        x = self._x[step]
        return (model(x) - 3 * x).square().mean()

    def score(self, model: nn.Module) -> float:
        self.scored += 1
        assert not model.training
        return 100 - float((model(torch.ones(1, 1)) - 3).abs())

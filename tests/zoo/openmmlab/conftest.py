"""The extra that these tests need, and networks without memory behind their weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import cache

import pytest
import torch
from torch import nn

from bench.catalog import read
from bench.machine import openmmlab
from bench.zoo.contract import Choices, Network

Outline = Callable[[str], Network]


@pytest.fixture(scope="session", autouse=True)
def _extra() -> None:
    """Skip where OpenMMLab is not installed; continuous integration has it."""
    absent = openmmlab.missing()
    if absent:
        pytest.skip(f"the extra `dense` is not installed: no {', '.join(absent)}")
    # not before: importing this imports OpenMMLab when it is asked to
    from bench.zoo.openmmlab import stack

    assert stack.start() in {"torchvision", "compiled mmcv"}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def outline() -> Outline:
    """Return a maker of detectors and segmentors on the meta device, by key."""
    from bench.zoo.openmmlab import source

    @cache
    def make(key: str) -> Network:
        card = read.every_model()[key]
        # mmdet and mmsegmentation read numbers out of tensors when they make Swin
        with nullcontext() if card.family == "Swin" else torch.device("meta"):
            network = source.create(card, card.height_px, card.width_px, Choices())
        network.model.eval().to("meta")
        return network

    return make


def entries(model: nn.Module, prefix: str = "") -> dict[str, torch.Size]:
    """Return names and shapes of what a network stores below a prefix."""
    found = model.state_dict().items()
    return {name.removeprefix(prefix): value.shape for name, value in found if name.startswith(prefix)}

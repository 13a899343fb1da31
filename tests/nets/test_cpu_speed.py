"""How long a network takes for one image on two cores of a CPU."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import pytest
import torch

from bench.nets.build import build_net

LIMIT_S = 3.0
CORES = 2
TRIES = 5
# The slowest of all networks of this package: most tokens, widest, most states to scan.
SLOWEST = ("vim_small_stride8", "vim_base", "vmamba_v0_base")


@pytest.fixture
def two_cores() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(CORES)
    yield
    torch.set_num_threads(before)


@pytest.mark.timing
@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize("key", SLOWEST)
@torch.inference_mode()
def test_an_image_is_answered_in_time(key: str) -> None:
    net = build_net(key, scan_backend="torch")
    x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    walls_s: list[float] = []
    # Other processes on the same cores make threads wait for each other, so it may be tried again.
    while len(walls_s) < TRIES and min(walls_s, default=math.inf) >= LIMIT_S:
        began_s = time.perf_counter()
        logits = net(x)
        walls_s.append(time.perf_counter() - began_s)
    assert logits.shape == (1, 1000)
    assert logits.isfinite().all()
    assert min(walls_s) < LIMIT_S, walls_s

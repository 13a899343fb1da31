"""Deterministic weights, images and stored results for the checks of the networks."""

from __future__ import annotations

import dataclasses
import json
import math
import zlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.nets.build import VARIANTS, Config, build_net
from bench.nets.hierarchy import HierarchyConfig
from bench.nets.plain import PlainConfig

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"
DECAYS = ("A_log", "A_b_log")


@lru_cache(maxsize=1500)
def weight(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the array that belongs to an entry: a function of its name and shape only."""
    noise = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode()))).standard_normal(shape)
    x = noise.astype(np.float32)
    leaf = name.rsplit(".", 1)[-1]
    if leaf.startswith(DECAYS):
        return np.log(np.arange(1, shape[-1] + 1, dtype=np.float32)) + np.float32(0.1) * x
    if leaf in {"D", "D_b", "Ds"}:
        return np.float32(1.0) + np.float32(0.1) * x
    if leaf == "dt_projs_bias" or (leaf == "bias" and "dt_proj" in name):
        return np.float32(-4.0) + np.float32(0.5) * x
    if len(shape) >= 2:
        fan_in = 2500 if leaf == "pos_embed" else int(np.prod(shape[1:]))
        return x / np.float32(np.sqrt(max(fan_in, 1)))
    return np.float32(1.0) + np.float32(0.1) * x if leaf == "weight" else np.float32(0.02) * x


@torch.no_grad()
def fill_net(net: nn.Module, *, strong: bool) -> None:
    """Overwrite all weights of `net`; `strong` undoes the too large fan-in of the stacked projections."""
    for name, tensor in net.state_dict().items():
        if name.endswith(("freqs_cos", "freqs_sin")):
            continue
        tensor.copy_(torch.from_numpy(weight(name, tuple(tensor.shape))))
        if strong and name.endswith((".x_proj_weight", ".dt_projs_weight")):
            tensor.mul_(math.sqrt(tensor.shape[1]))


@lru_cache(maxsize=4)
def _filled(key: str, strong: bool, options: tuple[tuple[str, object], ...]) -> nn.Module:
    if key.startswith(("vmamba", "local_vmamba")):
        with torch.device("meta"):  # all of it is overwritten, so it needs no initial values
            net = build_net(key, **dict(options)).to_empty(device="cpu")  # type: ignore[arg-type]
    else:
        net = build_net(key, **dict(options))  # type: ignore[arg-type]
    fill_net(net, strong=strong)
    return net


@pytest.fixture(scope="session")
def filled() -> Callable[..., nn.Module]:
    """Give the network of a key with deterministic weights; it is shared, so do not change it."""

    def make(key: str, strong: bool = False, **options: object) -> nn.Module:
        return _filled(key, strong, tuple(sorted(options.items())))

    return make


@pytest.fixture(scope="session")
def fill() -> Callable[..., None]:
    """Overwrite the weights of a network."""
    return fill_net


@pytest.fixture(scope="session")
def image() -> Callable[[int, tuple[int, ...]], Tensor]:
    """Give the standard-normal image of a seed and shape."""

    def make(seed: int, shape: tuple[int, ...]) -> Tensor:
        noise = np.random.Generator(np.random.PCG64(seed)).standard_normal(shape)
        return torch.from_numpy(noise.astype(np.float32))

    return make


@dataclasses.dataclass(frozen=True)
class Golden:
    """The stored results of one model: its description and its arrays."""

    spec: dict[str, Any]
    arrays: Any

    def array(self, name: str) -> NDArray[np.float64]:
        return np.asarray(self.arrays[name], dtype=np.float64)


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Golden]:
    """Give the results stored beside this repository for one model."""
    if not GOLDEN.is_dir():
        pytest.skip("the full golden arrays are not here; test_published.py checks an excerpt of them")

    @lru_cache(maxsize=8)
    def read(key: str) -> Golden:
        described = GOLDEN / f"{key}.json"
        spec = json.loads(described.read_text(encoding="utf-8")) if described.exists() else {}
        return Golden(spec, np.load(GOLDEN / f"{key}.npz"))

    return read


def shrunk(config: Config) -> Config:
    """Return the same architecture with few blocks and channels; routes stay those of its first blocks."""
    if isinstance(config, HierarchyConfig):
        small: dict[str, Any] = {"depths": (1, 1, 2, 1), "width": 8}
        if hasattr(config, "directions"):
            small["directions"] = tuple(stage[:2] for stage in config.directions)
        return dataclasses.replace(config, **small)
    assert isinstance(config, PlainConfig)
    return dataclasses.replace(config, width=16, depth=4)


@pytest.fixture(scope="session")
def small_configs() -> dict[str, Config]:
    """Every variant, shrunk."""
    return {key: shrunk(config) for key, config in VARIANTS.items()}

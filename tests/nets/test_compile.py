"""The networks' own code can be captured whole, index tables included, so that a compiler can be used."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from bench.nets.build import Config, Options, build_config
from bench.nets.hierarchy import HierarchyConfig

PER_FAMILY = ("vim_tiny", "vmamba_v0_tiny", "local_vmamba_tiny", "localvim_tiny")


def cheap_scan(u: Tensor, delta: Tensor, *others: Tensor, D: Tensor | None = None, **_: object) -> Tensor:  # noqa: N803
    """Stand in for the scan, which has its own tests: what is captured here is everything around it."""
    skip = others[3] if D is None else D
    return u * delta + skip[:, None] * u


# what a real compiler does with the graph begins with the second
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("key", PER_FAMILY)
@torch.inference_mode()
def test_one_graph(
    key: str, backend: str, small_configs: dict[str, Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.ops.route_scan.composed.selective_scan", cheap_scan)
    config = small_configs[key]
    short = {"depths": (1, 1)} if isinstance(config, HierarchyConfig) else {"depth": 2}
    net = build_config(dataclasses.replace(config, **short), (32, 48), Options())
    x = torch.randn(1, 3, 32, 48)
    captured = torch.compile(net, backend=backend, fullgraph=True)
    torch.testing.assert_close(captured(x), net(x))


@torch.inference_mode()
def test_one_code_for_several_sizes(
    small_configs: dict[str, Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.ops.route_scan.composed.selective_scan", cheap_scan)
    config = dataclasses.replace(small_configs["local_vmamba_tiny"], depths=(1, 1))
    net = build_config(config, (32, 48), Options())
    captured = torch.compile(net, backend="aot_eager", dynamic=True)
    for size in ((32, 48), (40, 48), (64, 32)):
        x = torch.randn(1, 3, *size)
        torch.testing.assert_close(captured(x), net(x))

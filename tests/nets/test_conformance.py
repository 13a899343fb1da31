"""What every network of the package must do, on shrunk copies of all variants."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from bench.nets.build import VARIANTS, Config, Options, build_config

HEIGHT, WIDTH = 48, 80
Configs = dict[str, Config]

pytestmark = pytest.mark.parametrize("key", VARIANTS)


def make(configs: Configs, key: str, **options: object) -> nn.Module:
    chosen = Options(num_classes=10, **options)  # type: ignore[arg-type]
    return build_config(configs[key], (HEIGHT, WIDTH), chosen)


def pictures(count: int = 2) -> Tensor:
    return torch.randn(count, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(3))


@torch.inference_mode()
def test_logits_do_not_depend_on_the_batch(key: str, small_configs: Configs) -> None:
    net, x = make(small_configs, key), pictures()
    logits = net(x)
    assert logits.shape == (2, 10)
    assert logits.isfinite().all()
    assert not torch.allclose(logits[0], logits[1], rtol=1e-3)
    torch.testing.assert_close(torch.cat([net(x[:1]), net(x[1:])]), logits, rtol=1e-4, atol=1e-6)


@torch.inference_mode()
def test_float64_stays_float64(key: str, small_configs: Configs) -> None:
    net, x = make(small_configs, key), pictures()
    wide = copy.deepcopy(net).double()(x.double())
    assert wide.dtype == torch.float64
    torch.testing.assert_close(net(x).double(), wide, rtol=1e-3, atol=1e-5)


@torch.inference_mode()
def test_half_precision_is_near(key: str, small_configs: Configs) -> None:
    net, x = make(small_configs, key), pictures()
    expected = net(x)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = net(x)
    pure = copy.deepcopy(net).bfloat16()(x.bfloat16())
    assert pure.dtype == torch.bfloat16
    for ours in (mixed.float(), pure.float()):
        assert (ours - expected).norm() < 0.1 * expected.norm()


def test_gradients_reach_every_parameter(key: str, small_configs: Configs) -> None:
    net = make(small_configs, key, drop_path_rate=0.5).train()
    torch.manual_seed(0)
    net(pictures(8)).square().sum().backward()
    still = [name for name, weight in net.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert still == []


@torch.inference_mode()
def test_maps_of_the_backbone(key: str, small_configs: Configs) -> None:
    net, x = make(small_configs, key, backbone=True), pictures()
    maps = net(x)
    assert len(maps) == len(net.channels) == len(net.strides) == 4  # type: ignore[arg-type]
    for y, channels, stride in zip(maps, net.channels, net.strides, strict=True):  # type: ignore[call-overload]
        assert y.shape[:2] == (2, channels)
        sides = (y.shape[2] * stride - HEIGHT, y.shape[3] * stride - WIDTH)
        assert all(-16 < side < stride for side in sides)
        assert y.is_contiguous()
        assert y.isfinite().all()
    torch.testing.assert_close(net(x[1:])[-1], maps[-1][1:], rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_true_inverse_matters_on_the_local_networks_only(key: str, small_configs: Configs) -> None:
    published, true = (make(small_configs, key, true_inverse=choice)(pictures()) for choice in (False, True))
    vertical = any(
        route.startswith("v")
        for name in ("directions",)
        for route in str(getattr(small_configs[key], name, "")).replace("'", " ").split()
    )
    assert torch.equal(published, true) != vertical


@torch.inference_mode()
def test_a_state_dict_carries_over(key: str, small_configs: Configs) -> None:
    one, other = make(small_configs, key, seed=1), make(small_configs, key, seed=2)
    x = pictures(1)
    assert not torch.equal(one(x), other(x))
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(x), other(x))

"""Networks with every fused kernel, on a GPU, against the plain operations in float64 on a CPU."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from bench.nets.build import build_net

pytestmark = pytest.mark.gpu

# of every family one network, on maps that are not square and not whole windows where it takes them
CASES = [
    ("vmamba_tiny_s1l8", (160, 232)),
    ("vmamba_v0_tiny", (64, 96)),
    ("local_vmamba_tiny", (160, 232)),
    ("vim_tiny", (224, 224)),
    ("vim_tiny_stride8", (160, 96)),
    ("localvim_tiny", (224, 192)),
    ("localvim_tiny_middle_cls_token", (224, 224)),
]
BOUNDS = {"fp32": 2e-4, "amp_fp16": 2e-2, "amp_bf16": 1e-1, "fp16": 3e-2}


def image(size: tuple[int, int]) -> Tensor:
    return torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def run(net: nn.Module, x: Tensor, precision: str) -> Tensor:
    net, x = copy.deepcopy(net).cuda(), x.cuda()
    if precision == "fp16":
        net, x = net.half(), x.half()
    amp = {"amp_fp16": torch.float16, "amp_bf16": torch.bfloat16}.get(precision)
    with torch.autocast("cuda", amp, enabled=amp is not None):
        return net(x).double().cpu()


@pytest.mark.parametrize(("key", "size"), CASES, ids=str)
def test_every_precision(key: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    net, x = build_net(key, image_size=size if key.startswith("vim") else (224, 224)), image(size)
    with torch.inference_mode():
        expected = copy.deepcopy(net).double()(x.double())
    for precision, bound in BOUNDS.items():
        error = float((run(net, x, precision) - expected).abs().max() / expected.std())
        assert error < bound, precision


@pytest.mark.parametrize("key", ["vmamba_v0_tiny", "localvim_tiny"])
def test_gradients_flow_through_the_plain_operations(key: str) -> None:
    net, x = build_net(key).cuda(), image((224, 224)).cuda()
    net(x).square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in net.parameters())

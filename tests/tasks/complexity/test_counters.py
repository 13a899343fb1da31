"""Both counters against arithmetic done by hand."""

import logging
import warnings

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from bench.ops import selective_scan as package
from bench.ops.selective_scan import selective_scan
from bench.tasks.complexity.counters import count_dispatcher, count_fvcore
from bench.tasks.complexity.scan import scans_as_operators

IMAGE = torch.zeros(1, 3, 16, 16)


def test_a_convolution() -> None:
    # 8 channels out, 14 x 14 places, 3 channels in, a kernel of 9
    macs = 8 * 14 * 14 * 3 * 9
    model = nn.Conv2d(3, 8, 3)
    assert count_fvcore(model, IMAGE).by_operator == {"conv": macs}
    assert count_dispatcher(model, IMAGE).by_operator == {"aten::convolution": macs}


def test_a_depthwise_convolution() -> None:
    macs = 3 * 16 * 16 * 49
    model = nn.Conv2d(3, 3, 7, padding=3, groups=3)
    assert count_fvcore(model, IMAGE).macs == count_dispatcher(model, IMAGE).macs == macs


def test_a_linear_layer_on_every_token() -> None:
    model = nn.Linear(16, 32)
    macs = 3 * 16 * 16 * 32
    assert count_fvcore(model, IMAGE).macs == count_dispatcher(model, IMAGE).macs == macs


def test_only_fvcore_counts_a_layer_norm() -> None:
    model = nn.LayerNorm(16)
    fvcore, dispatcher = count_fvcore(model, IMAGE), count_dispatcher(model, IMAGE)
    assert fvcore.by_operator == {"layer_norm": 5 * 3 * 16 * 16}
    assert dispatcher.macs == 0
    assert dispatcher.uncounted_ops == {"aten::native_layer_norm": 1}


class Elementwise(nn.Module):
    """Two activations, a product and a sum, between reshapes that cost nothing."""

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(2).transpose(1, 2).contiguous()
        return F.gelu(x) * F.gelu(x + 1).reshape(1, 256, 3)


def test_what_gets_no_macs_is_listed_with_its_calls() -> None:
    fvcore, dispatcher = count_fvcore(Elementwise(), IMAGE), count_dispatcher(Elementwise(), IMAGE)
    assert fvcore.uncounted_ops == {"aten::gelu": 2, "aten::add": 1, "aten::mul": 1}
    assert dispatcher.uncounted_ops == fvcore.uncounted_ops
    assert fvcore.macs == dispatcher.macs == 0


def test_products_of_matrices() -> None:
    class Attention(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x @ x.transpose(-2, -1)).softmax(-1) @ x

    fvcore, dispatcher = count_fvcore(Attention(), IMAGE), count_dispatcher(Attention(), IMAGE)
    assert fvcore.macs == dispatcher.macs == 2 * 3 * 16**3


@pytest.mark.parametrize("causal", [False, True])
def test_fused_attention_is_two_products_whatever_its_mask(causal: bool) -> None:
    class Attention(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.scaled_dot_product_attention(x, x[..., :7, :], x[..., :7, :2], is_causal=causal)

    fvcore, dispatcher = count_fvcore(Attention(), IMAGE), count_dispatcher(Attention(), IMAGE)
    assert fvcore.macs == dispatcher.macs == 3 * (16 * 7 * 16 + 16 * 7 * 2)
    assert fvcore.uncounted_ops == {}


class Scan(nn.Module):
    """A scan of 16 tokens and 48 channels in 3 groups, with 2 states."""

    def __init__(self, skip: bool, scan_backend: str = "auto") -> None:
        super().__init__()
        self.scan_backend = scan_backend
        self.decay = nn.Parameter(-torch.ones(48, 2))
        self.skip = nn.Parameter(torch.ones(48)) if skip else None

    def forward(self, x: Tensor) -> Tensor:
        u = x.flatten(1, 2)
        return selective_scan(
            u, u, self.decay, x[:, :, :2], x[:, :, 2:4], self.skip, backend=self.scan_backend
        )


@pytest.mark.parametrize("backend", ["auto", "reference", "torch", "triton", "mamba_ssm"])
def test_a_scan_is_one_operator_of_any_backend(backend: str) -> None:
    model = Scan(skip=True, scan_backend=backend)
    with scans_as_operators(model):
        fvcore, dispatcher = count_fvcore(model, IMAGE), count_dispatcher(model, IMAGE)
    # 4 products per token, channel and state, and dt u and D u per token and channel
    macs = 16 * 48 * (4 * 2 + 2)
    assert fvcore.by_operator == {"selective_scan": macs}
    assert dispatcher.by_operator == {"bench::selective_scan": macs}
    assert fvcore.uncounted_ops == dispatcher.uncounted_ops == {}
    assert model.scan_backend == backend


def test_a_scan_without_skip_does_one_product_less() -> None:
    with scans_as_operators(Scan(skip=False)):
        assert count_dispatcher(Scan(skip=False), IMAGE).macs == 16 * 48 * (4 * 2 + 1)


def test_scans_are_computed_again_after_an_error() -> None:
    model = Scan(skip=True, scan_backend="reference")
    before, expected = vars(package)["implementation"], model(IMAGE + 1)
    with scans_as_operators(model):
        assert not model(IMAGE + 1).any()
    with pytest.raises(ValueError, match="A must have shape"), scans_as_operators(model):
        model(IMAGE[:, :2])
    assert vars(package)["implementation"] is before
    assert model.scan_backend == "reference"
    assert expected.any()
    assert torch.equal(model(IMAGE + 1), expected)


def test_nothing_is_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.GELU())
    logger = logging.getLogger("fvcore.nn.jit_analysis")
    level, hooks = logger.level, len(model[0]._forward_hooks)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        count_fvcore(model, IMAGE)
        count_dispatcher(model, IMAGE)
    assert caught == []
    assert caplog.records == []
    assert (logger.level, len(model[0]._forward_hooks)) == (level, hooks)

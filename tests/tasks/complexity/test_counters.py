"""Both counters against arithmetic done by hand."""

import logging
import warnings

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from bench.tasks.complexity.counters import count_dispatcher, count_fvcore

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

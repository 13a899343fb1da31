"""Causal attention on timm's vision transformer."""

from __future__ import annotations

import copy

import pytest
import torch
from timm.layers import Attention
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from bench.nets.vit_causal import POOLED_VIT, CausalAttention, make_causal


def vit(**changes: object) -> VisionTransformer:
    torch.manual_seed(0)
    arguments = {
        "img_size": 32,
        "patch_size": 8,
        "embed_dim": 24,
        "depth": 3,
        "num_heads": 3,
        "num_classes": 5,
    }
    return VisionTransformer(**arguments | dict(POOLED_VIT) | changes).eval()


def test_names_and_weights_stay() -> None:
    plain = vit()
    causal = make_causal(copy.deepcopy(plain))
    assert {n: t.shape for n, t in causal.state_dict().items()} == {
        n: t.shape for n, t in plain.state_dict().items()
    }
    causal.load_state_dict(plain.state_dict())
    assert not causal.training


@pytest.mark.parametrize("qk_norm", [False, True])
@torch.inference_mode()
def test_attention_equals_a_masked_softmax(qk_norm: bool) -> None:
    torch.manual_seed(0)
    attention = Attention(12, num_heads=3, qkv_bias=True, qk_norm=qk_norm, norm_layer=nn.LayerNorm).eval()
    x = torch.randn(2, 7, 12)
    q, k, v = attention.qkv(x).view(2, 7, 3, 3, 4).permute(2, 0, 3, 1, 4)
    q, k = attention.q_norm(q), attention.k_norm(k)
    scores = q @ k.transpose(-1, -2) / 2.0
    scores = scores.masked_fill(torch.ones(7, 7).triu(1).bool(), float("-inf"))
    expected = attention.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(2, 7, 12))
    torch.testing.assert_close(CausalAttention(attention)(x), expected)


@torch.inference_mode()
def test_tokens_see_only_earlier_ones() -> None:
    plain = vit()
    causal = make_causal(copy.deepcopy(plain))
    x = torch.randn(1, 3, 32, 32)
    changed = x.clone()
    changed[:, :, 16:24, 8:16] += 1  # token 9 of 16
    same = causal.forward_features(x) - causal.forward_features(changed) == 0  # type: ignore[operator]
    assert same.all(dim=-1)[0].tolist() == [True] * 9 + [False] * 7
    assert not (plain.forward_features(x) == plain.forward_features(changed)).all(dim=-1).any()


@torch.inference_mode()
def test_logits_are_the_mean_of_normalised_tokens() -> None:
    causal = make_causal(vit())
    x = torch.randn(2, 3, 32, 32)
    tokens = causal.forward_features(x)  # type: ignore[operator]
    assert tokens.shape == (2, 16, 24)
    torch.testing.assert_close(tokens.mean(-1), torch.zeros(2, 16), atol=1e-5, rtol=0)
    torch.testing.assert_close(causal(x), causal.head(tokens.mean(1)))  # type: ignore[operator]


def test_it_trains() -> None:
    causal = make_causal(vit(attn_drop_rate=0.1)).train()
    causal(torch.randn(2, 3, 32, 32)).sum().backward()
    assert all(weight.grad is not None for weight in causal.parameters())


def test_a_class_token_is_refused() -> None:
    with pytest.raises(
        ValueError, match="a token in front of the patches never sees the image; build the network with"
    ):
        make_causal(vit(class_token=True, global_pool="token"))


def test_other_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="Linear has no blocks; pass a timm VisionTransformer"):
        make_causal(nn.Linear(1, 1))
    block = nn.Module()
    block.attn = nn.Linear(1, 1)
    other = nn.Module()
    other.blocks = nn.Sequential(block)
    with pytest.raises(ValueError, match="cannot make Linear causal: it has no qkv, q_norm, k_norm"):
        make_causal(other)


def test_a_second_mask_is_refused() -> None:
    attention = CausalAttention(Attention(4, num_heads=1))
    with pytest.raises(ValueError, match="takes no mask of its own"):
        attention(torch.zeros(1, 2, 4), attn_mask=torch.zeros(2, 2))

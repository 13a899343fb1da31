"""A vision transformer whose attention sees only earlier tokens.

Source: MambaOut: Do We Really Need Mamba for Vision?, Yu and Wang 2024 (arXiv 2405.07992), figure 3(b):
softmax(q_t . k_s / sqrt(head width) + m_ts) with m_ts = 0 for s <= t and -inf else, in every block and
head, tokens in row-major order. The paper does not say how the sequence is pooled. A class token in
front would attend to nothing but itself, so this package takes the mean over the patch tokens, for the
causal network and for its fully visible twin alike.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional

POOLED_VIT: Mapping[str, object] = {"class_token": False, "global_pool": "avg", "fc_norm": False}
"""Arguments of timm's VisionTransformer for both twins: no class token, norm, then mean over tokens."""

_ATTENTION_PARTS = ("qkv", "q_norm", "k_norm", "attn_drop", "norm", "proj", "proj_drop", "num_heads")


class CausalAttention(nn.Module):
    """Multi-head attention with a causal mask, on the layers (and under the names) of `attention`."""

    qkv: nn.Linear
    q_norm: nn.Module
    k_norm: nn.Module
    attn_drop: nn.Dropout
    norm: nn.Module
    proj: nn.Linear
    proj_drop: nn.Module

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        missing = [name for name in _ATTENTION_PARTS if not hasattr(attention, name)]
        if missing:
            raise ValueError(
                f"cannot make {type(attention).__name__} causal: it has no {', '.join(missing)}; "
                "use the plain attention of timm's VisionTransformer"
            )
        if getattr(attention, "gate", None) is not None:
            raise ValueError(
                f"cannot make {type(attention).__name__} causal: its output gate is not supported"
            )
        for name, layer in attention.named_children():
            self.add_module(name, layer)
        self.heads = int(attention.num_heads)  # type: ignore[arg-type]
        self.train(attention.training)

    def forward(self, x_blc: Tensor, attn_mask: Tensor | None = None, is_causal: bool = True) -> Tensor:
        """Attend from every token to itself and the tokens before it; a further mask is refused."""
        if attn_mask is not None:
            raise ValueError("causal attention takes no mask of its own")
        del is_causal  # the calling block's default says False
        batch, tokens, _ = x_blc.shape
        qkv = self.qkv(x_blc).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)  # each (b, heads, l, c / heads)
        drop = self.attn_drop.p if self.training else 0.0
        y = functional.scaled_dot_product_attention(
            self.q_norm(q), self.k_norm(k), v, dropout_p=drop, is_causal=True
        )
        joined = y.transpose(1, 2).flatten(2)
        out_blc: Tensor = self.proj_drop(self.proj(self.norm(joined)))
        return out_blc


def make_causal(vit: nn.Module) -> nn.Module:
    """Make every attention of a timm VisionTransformer causal, in place, and return it.

    Its parameters and their names stay as they are. Raises ValueError for a network with prefix tokens
    (build it with `POOLED_VIT`) or with attention of another kind.
    """
    blocks = getattr(vit, "blocks", None)
    if not isinstance(blocks, nn.Sequential | nn.ModuleList):
        raise ValueError(f"{type(vit).__name__} has no blocks; pass a timm VisionTransformer")
    if getattr(vit, "num_prefix_tokens", 0):
        raise ValueError(
            "under a causal mask a token in front of the patches never sees the image; "
            "build the network with class_token=False, global_pool='avg', fc_norm=False"
        )
    causal = [CausalAttention(block.get_submodule("attn")) for block in blocks]
    for block, attention in zip(blocks, causal, strict=True):
        block.attn = attention
    return vit

"""Bugs inside the networks: in convolution, attention and scans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from timm.models.mambaout import GatedConvBlock
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional

from bench.nets import routes, scan2d, vit_causal
from bench.nets.routes import FLIP
from bench.ops.route_scan import composed as scanning
from bench.zoo import reduced_source
from tests.quickstart.planting import Mutation, Plant, replaced, wrapped

CONV, VISIBLE, CAUSAL = "micro_mambaout", "micro_vit_visible", "micro_vit_causal"
VIM, VMAMBA, LOCAL = "micro_vim", "micro_vmamba", "micro_local_vmamba"


# convolution


def flipped_kernel(conv: Any, layer: nn.Conv2d, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    out: Tensor = conv(layer, x, weight.flip(2, 3) if layer.groups > 1 else weight, bias)
    return out


def gate_last(_forward: object, block: Any, x: Tensor) -> Tensor:
    hidden, idle, conv = block.split_indices
    i, c, g = block.fc1(block.norm(x)).split((idle, conv, hidden), dim=-1)
    c = block.conv(c.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    out: Tensor = x + block.fc2(block.act(g) * torch.cat((i, c), dim=-1))
    return out


def convolved_part_first(_forward: object, block: Any, x: Tensor) -> Tensor:
    hidden, idle, conv = block.split_indices
    g, c, i = block.fc1(block.norm(x)).split((hidden, conv, idle), dim=-1)
    c = block.conv(c.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    out: Tensor = x + block.fc2(block.act(g) * torch.cat((i, c), dim=-1))
    return out


def open_gate(_forward: object, block: Any, x: Tensor) -> Tensor:
    g, i, c = block.fc1(block.norm(x)).split(block.split_indices, dim=-1)
    c = block.conv(c.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    out: Tensor = x + block.fc2(g * torch.cat((i, c), dim=-1))
    return out


# attention


def masked_from_the_start(patch: Any) -> None:
    made = replace(reduced_source.REDUCED[VISIBLE], causal=True)
    patch.setattr(reduced_source, "REDUCED", {**reduced_source.REDUCED, VISIBLE: made})


def attention(**changes: object) -> Plant:
    changed = partial(_attention, **changes)
    return replaced(vit_causal, "functional", SimpleNamespace(scaled_dot_product_attention=changed))


def _attention(q: Tensor, k: Tensor, v: Tensor, *, diagonal: int | None = None, **named: Any) -> Tensor:
    if diagonal is not None:
        mask = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool).tril(diagonal)
        named = {**named, "is_causal": False, "attn_mask": mask}
    return functional.scaled_dot_product_attention(q, k, v, **named)


# scans

Scan = Callable[..., Tensor]


def scanned(change: Callable[..., Tensor]) -> Plant:
    return wrapped(scanning, "selective_scan", change)


def without_skip(scan: Scan, *given: Any, **named: Any) -> Tensor:
    return scan(*given[:5], None, *given[6:], **named)


def without_softplus(scan: Scan, *given: Any, **named: Any) -> Tensor:
    return scan(*given, **{**named, "delta_softplus": False})


def exchanged(scan: Scan, *given: Any, **named: Any) -> Tensor:
    return scan(*given[:3], given[4], given[3], *given[5:], **named)


def without_exponential(scan: Scan, u: Tensor, dt: Tensor, a: Tensor, *rest: Any, **named: Any) -> Tensor:
    # what is stored is the logarithm of -A
    return scan(u, dt, -(-a).log(), *rest, **named)


def not_turned_back(back: Any, name: str, *rest: Any) -> Any:
    return back(name.removesuffix(FLIP), *rest)


def columns_as_rows(order: Any, name: str, *rest: Any) -> Any:
    return order(name.replace("v", "h"), *rest)


def windows_not_undone(back: Any, name: str, *rest: Any) -> Any:
    return back("h" + FLIP * name.endswith(FLIP) if name.startswith("w") else name, *rest)


def unnormed_sum(merge: Any, y: Tensor, how: Any, _norm: object, backend: str) -> Tensor:
    out: Tensor = merge(y, how, None, backend)
    return out


MIXING = (
    Mutation("kernel of the convolution flipped", CONV, wrapped(nn.Conv2d, "_conv_forward", flipped_kernel)),
    Mutation("gate split off last", CONV, wrapped(GatedConvBlock, "forward", gate_last)),
    Mutation("other channels convolved", CONV, wrapped(GatedConvBlock, "forward", convolved_part_first)),
    Mutation("gate without its activation", CONV, wrapped(GatedConvBlock, "forward", open_gate)),
    Mutation("causal mask dropped", CAUSAL, replaced(reduced_source, "make_causal", lambda net: net)),
    Mutation("causal mask one token late", CAUSAL, attention(diagonal=1)),
    Mutation("attention not scaled", CAUSAL, attention(scale=1.0)),
    Mutation("causal mask added", VISIBLE, masked_from_the_start),
    Mutation("positions left out", VISIBLE, replaced(VisionTransformer, "_pos_embed", lambda _net, x: x)),
    Mutation("second direction not turned back", VIM, wrapped(routes, "back_order", not_turned_back)),
    Mutation("columns written as rows", VMAMBA, wrapped(routes, "back_order", columns_as_rows)),
    Mutation("flipped routes not turned back", VMAMBA, wrapped(routes, "back_order", not_turned_back)),
    Mutation("scan without D", VMAMBA, scanned(without_skip)),
    Mutation("A without its exponential", VMAMBA, scanned(without_exponential)),
    Mutation("step sizes without softplus", VMAMBA, scanned(without_softplus)),
    Mutation("B and C exchanged", VMAMBA, scanned(exchanged)),
    Mutation("routes not normalised", VMAMBA, wrapped(scan2d, "merge_routes", unnormed_sum)),
    Mutation("columns read as rows", LOCAL, wrapped(routes, "read_order", columns_as_rows)),
    Mutation("windows not undone", LOCAL, wrapped(routes, "back_order", windows_not_undone)),
)

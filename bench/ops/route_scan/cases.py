"""Routes and operands to test the operators on routes with."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from bench.ops.route_scan.inputs import Routes, RouteWeights


class RouteShape(NamedTuple):
    """Sizes of one scan along routes."""

    batch: int
    routes: int
    tokens: int
    width: int
    rank: int
    states: int


def random_routes(count: int, tokens: int, pads: int, device: torch.device) -> Routes:
    """Return routes in random order, with `pads` steps without a token among the others.

    Outputs land anywhere, each token getting one of every route, as in the published inverse of `v`.
    """
    generator = torch.Generator().manual_seed(tokens)
    reads, writes, backs = [], [], []
    for _ in range(count):
        read, write = (torch.full((tokens + pads,), -1, dtype=torch.int32) for _ in range(2))
        steps = torch.randperm(tokens + pads, generator=generator)[:tokens]
        read[steps] = torch.randperm(tokens, generator=generator).int()
        back = steps[torch.randperm(tokens, generator=generator)].int()
        write[back] = torch.arange(tokens, dtype=torch.int32)
        reads.append(read)
        writes.append(write)
        backs.append(back)
    read_ks, write_ks, back_kl = (torch.stack(each).to(device) for each in (reads, writes, backs))
    origin_kl = read_ks.gather(1, back_kl.long())
    return Routes(read_ks, write_ks, back_kl, pads=pads > 0, origin_kl=origin_kl)


def random_weights(shape: RouteShape, generator: torch.Generator) -> RouteWeights:
    """Return float32 weights on the device of `generator`, with step sizes as trained models have them."""
    _, count, _, width, rank, states = shape

    def normal(*size: int) -> Tensor:
        return torch.randn(size, generator=generator, device=generator.device)

    return RouteWeights(
        normal(count, rank + 2 * states, width) / width**0.5,
        normal(count, width, rank) / rank**0.5,
        -torch.arange(1.0, states + 1, device=generator.device).repeat(count * width, 1),
        normal(count * width),
        normal(count * width) - 4,
    )

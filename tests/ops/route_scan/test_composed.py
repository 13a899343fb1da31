"""The composed scan along routes equals loops over images, routes and steps."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor

from bench.ops.route_scan import Routes, RouteWeights, route_scan
from bench.ops.route_scan.cases import RouteShape, random_routes, random_weights
from bench.ops.selective_scan.reference import step_sizes

SHAPE = RouteShape(batch=2, routes=3, tokens=7, width=4, rank=2, states=3)
CPU = torch.device("cpu")


def routes() -> Routes:
    return random_routes(SHAPE.routes, SHAPE.tokens, 2, CPU)


def weights() -> RouteWeights:
    made = random_weights(SHAPE, torch.Generator().manual_seed(0))
    return RouteWeights._make(tensor.double() for tensor in made)


def tokens() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(SHAPE.batch, SHAPE.tokens, SHAPE.width, generator=generator, dtype=torch.float64)


def by_loops(x_bld: Tensor, way: Routes, own: RouteWeights) -> Tensor:
    batch, count, length, width, rank, states = SHAPE
    y = torch.full((batch, count, length, width), torch.nan, dtype=torch.float64)
    for image in range(batch):
        for route in range(count):
            mine = slice(route * width, (route + 1) * width)
            state = torch.zeros(width, states, dtype=torch.float64)
            for read, write in zip(way.read_ks[route].tolist(), way.write_ks[route].tolist(), strict=True):
                x = x_bld[image, read] if read >= 0 else torch.zeros(width, dtype=torch.float64)
                p = own.x_proj_kqd[route] @ x
                raw = (own.dt_proj_kdr[route] @ p[:rank])[None, :, None]
                dt = step_sizes(raw, own.bias_e[mine], softplus=True)[0]
                state = torch.exp(dt * own.decay_en[mine]) * state + dt * x[:, None] * p[rank : rank + states]
                if write >= 0:
                    y[image, route, write] = (state * p[rank + states :]).sum(-1) + own.skip_e[mine] * x
    return y


@pytest.mark.parametrize("backend", ["reference", "torch", "auto"])
def test_equals_loops(backend: str) -> None:
    expected = by_loops(tokens(), routes(), weights())
    torch.testing.assert_close(route_scan(tokens(), routes(), weights(), backend), expected)


def test_sequences_in_order_give_the_same() -> None:
    way, x_bld = routes(), tokens()
    padded = torch.cat((x_bld, torch.zeros_like(x_bld[:, :1])), dim=1)
    in_order = padded[:, way.read_ks.long()]
    expected = route_scan(x_bld, way, weights())
    torch.testing.assert_close(route_scan(in_order, way, weights()), expected)


def test_gradients() -> None:
    leaves = [tensor.requires_grad_() for tensor in (tokens(), *weights())]

    def scan(x: Tensor, *own: Tensor) -> Tensor:
        return route_scan(x, routes(), RouteWeights._make(own))

    assert torch.autograd.gradcheck(scan, leaves)


@pytest.mark.parametrize(
    ("field", "shape", "message"),
    [
        ("x_proj_kqd", (3, 7, 4), "x_proj must have shape (3, 8, 4), not (3, 7, 4)"),
        ("dt_proj_kdr", (2, 4, 2), "dt_proj must have shape (3, 4, 2), not (2, 4, 2)"),
        ("decay_en", (4, 3), "A must have shape (12, 3), not (4, 3)"),
        ("bias_e", (3, 4), "dt_bias must have shape (12,), not (3, 4)"),
    ],
)
def test_weights_that_do_not_fit(field: str, shape: tuple[int, ...], message: str) -> None:
    wrong = weights()._replace(**{field: torch.ones(shape)})
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        route_scan(tokens(), routes(), wrong)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 7), "x must be (b, l, d) or (b, k, s, d), not of shape (2, 7)"),
        ((2, 8, 4), "x must have shape (2, 7, 4), not (2, 8, 4)"),
        ((2, 3, 7, 4), "x must have shape (2, 3, 9, 4), not (2, 3, 7, 4)"),
    ],
)
def test_tokens_that_do_not_fit(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        route_scan(torch.ones(shape), routes(), weights())

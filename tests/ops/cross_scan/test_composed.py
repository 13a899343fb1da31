"""The composed cross scan reads and merges the four routes in the documented order."""

from __future__ import annotations

import re

import pytest
import torch

from bench.ops.cross_scan import cross_selective_scan
from bench.ops.cross_scan.composed import along_routes, merge_routes
from bench.ops.cross_scan.inputs import CrossInputs
from bench.ops.selective_scan.reference import step_sizes

CHANNELS, RANK, STATES, HEIGHT, WIDTH = 3, 2, 2, 2, 4


def operands(dtype: torch.dtype = torch.float64) -> CrossInputs:
    generator = torch.Generator().manual_seed(0)

    def normal(*size: int) -> torch.Tensor:
        return torch.randn(size, generator=generator, dtype=torch.float64).to(dtype)

    return CrossInputs(
        x_bhwd=normal(2, HEIGHT, WIDTH, CHANNELS),
        x_proj_kpd=normal(4, RANK + 2 * STATES, CHANNELS),
        dt_proj_kdr=normal(4, CHANNELS, RANK),
        decay_en=-normal(4 * CHANNELS, STATES).exp(),
        skip_e=normal(4 * CHANNELS),
        bias_e=normal(4 * CHANNELS),
    )


def test_routes() -> None:
    tokens = torch.arange(6.0).reshape(1, 2, 3, 1)
    assert along_routes(tokens)[0, :, 0].tolist() == [
        [0, 1, 2, 3, 4, 5],
        [0, 3, 1, 4, 2, 5],
        [5, 4, 3, 2, 1, 0],
        [5, 2, 4, 1, 3, 0],
    ]
    torch.testing.assert_close(merge_routes(along_routes(tokens), 2, 3), 4 * tokens)


def test_equals_loops_over_routes_and_tokens() -> None:
    o = operands()
    expected = torch.zeros_like(o.x_bhwd)
    orders = along_routes(torch.arange(float(HEIGHT * WIDTH)).reshape(1, HEIGHT, WIDTH, 1))[0, :, 0].long()
    for route, order in enumerate(orders):
        own = slice(route * CHANNELS, (route + 1) * CHANNELS)
        state = torch.zeros(2, CHANNELS, STATES, dtype=torch.float64)
        for token in order.tolist():
            x = o.x_bhwd[:, token // WIDTH, token % WIDTH]
            p = x @ o.x_proj_kpd[route].T
            raw = (p[:, :RANK] @ o.dt_proj_kdr[route].T)[..., None]
            dt = step_sizes(raw, o.bias_e[own], softplus=True)
            entry = (dt * x[..., None]) * p[:, None, RANK : RANK + STATES]
            state = torch.exp(dt * o.decay_en[own]) * state + entry
            y = (state * p[:, None, RANK + STATES :]).sum(-1) + o.skip_e[own] * x
            expected[:, token // WIDTH, token % WIDTH] += y
    for backend in ("reference", "torch", "auto"):
        torch.testing.assert_close(cross_selective_scan(*o, backend=backend), expected)


def test_gradients() -> None:
    tensors = [tensor.requires_grad_() for tensor in operands()]
    assert torch.autograd.gradcheck(cross_selective_scan, tensors)


def test_half_precision_is_summed_in_float32() -> None:
    y = cross_selective_scan(*operands(torch.bfloat16))
    assert y.dtype == torch.float32
    exact = cross_selective_scan(*operands())
    assert (y - exact).abs().max() < 0.05 * exact.abs().max()


@pytest.mark.parametrize(
    ("field", "shape", "message"),
    [
        ("x_bhwd", (2, 8, 3), "x must have 4 dimensions, not shape (2, 8, 3)"),
        ("x_proj_kpd", (4, 5, 3), "x_proj must have shape (4, 6, 3), not (4, 5, 3)"),
        ("dt_proj_kdr", (3, 3, 2), "dt_proj must have shape (4, 3, 2), not (3, 3, 2)"),
        ("decay_en", (3, 2), "A must have shape (12, 2), not (3, 2)"),
        ("bias_e", (4, 3), "dt_bias must have shape (12,), not (4, 3)"),
    ],
)
def test_refused(field: str, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        cross_selective_scan(*operands()._replace(**{field: torch.ones(shape)}))

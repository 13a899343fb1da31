"""The recurrence in segments equals the plain walk, and its backward pass is its derivative."""

from __future__ import annotations

import pytest
import torch

from bench.ops.selective_scan import recurrence
from bench.ops.selective_scan.recurrence import linear_recurrence


@pytest.mark.parametrize("tokens", [1, 2, 3, 10, 97])
@pytest.mark.parametrize("busy_elements", [1, 1 << 20], ids=["walk", "segments"])
def test_equals_the_definition(
    tokens: int, busy_elements: int, monkeypatch: pytest.MonkeyPatch, generator: torch.Generator
) -> None:
    monkeypatch.setitem(recurrence._BUSY_ELEMENTS, "cpu", busy_elements)
    decay, x = torch.rand(2, tokens, 3, generator=generator, dtype=torch.float64)
    state = start = torch.randn(3, generator=generator, dtype=torch.float64)
    expected = []
    for token in range(tokens):
        state = decay[token] * state + x[token]
        expected.append(state)
    operands = [tensor.clone().requires_grad_() for tensor in (decay, x, start)]
    torch.testing.assert_close(linear_recurrence(*operands), torch.stack(expected), rtol=1e-14, atol=1e-14)
    assert torch.autograd.gradcheck(linear_recurrence, operands)

"""The CPU backends reproduce outputs and gradients of an independent float64 loop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.ops.selective_scan import selective_scan
from bench.ops.selective_scan.cases import relative_error

GOLDEN = Path(__file__).parents[3].parent / "shared" / "golden" / "selective_scan.npz"
CASES = json.loads(GOLDEN.with_suffix(".json").read_text())["cases"] if GOLDEN.exists() else []
OPERANDS = ("u", "delta", "A", "B", "C", "D", "delta_bias")


def operands(case: dict[str, Any], arrays: Any, dtype: torch.dtype) -> dict[str, Tensor | None]:
    found: dict[str, Tensor | None] = dict.fromkeys(OPERANDS)
    for name in OPERANDS:
        key = f"case{case['case']}_{name}"
        if key in arrays:
            found[name] = torch.tensor(arrays[key], dtype=dtype, requires_grad=True)
    return found


@pytest.mark.skipif(not CASES, reason="the golden vectors are not beside this checkout")
@pytest.mark.parametrize("backend", ["reference", "torch"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["note"])
def test_golden(case: dict[str, Any], dtype: torch.dtype, backend: str) -> None:
    with np.load(GOLDEN) as arrays:
        tensors = operands(case, arrays, dtype)
        y = selective_scan(**tensors, delta_softplus=case["delta_softplus"], backend=backend)  # type: ignore[arg-type]
        # The golden softplus has no threshold at 20; steps of 40 show the 2e-9 that the threshold cuts off.
        tolerance = 1e-6 if dtype == torch.float32 else 1e-10 if case["case"] == 7 else 1e-14
        prefix = f"case{case['case']}_"
        assert relative_error(y, torch.tensor(arrays[f"{prefix}out"])) < tolerance
        y.backward(torch.tensor(arrays[f"{prefix}dout"], dtype=dtype))
        for name, tensor in tensors.items():
            if tensor is not None:
                assert tensor.grad is not None
                grad = torch.tensor(arrays[f"{prefix}grad_{name}"])
                # Golden gradients may be stored in float32.
                bound = 1e-5 if dtype == torch.float32 else 1e-7
                assert relative_error(tensor.grad, grad) < bound, name

"""Equality with the published networks, from an excerpt of the golden results that is kept here.

`published.json` holds, per model, the hash of its entry names and shapes and the first logits of the
first image for deterministic weights: those of the official classes or, where `true_inverse` is set, of
an independent correct implementation.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.nets.build import build_net

STORED: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("published.json").read_text(encoding="utf-8")
)
CASES = [
    pytest.param(key, case, id=f"{key}-{'x'.join(map(str, case['shape'][2:]))}-{case['true_inverse']}")
    for key, stored in STORED.items()
    for case in stored["cases"]
]


@pytest.mark.parametrize("key", STORED)
def test_entry_names_and_shapes(key: str) -> None:
    with torch.device("meta"):
        state = build_net(key).state_dict()
    text = json.dumps({name: list(tensor.shape) for name, tensor in state.items()}, sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest() == STORED[key]["entries_sha256"]


@pytest.mark.parametrize(("key", "case"), CASES)
@torch.inference_mode()
def test_first_logits(
    key: str,
    case: dict[str, Any],
    filled: Callable[..., nn.Module],
    image: Callable[[int, tuple[int, ...]], Tensor],
) -> None:
    options = {"true_inverse": True} if case["true_inverse"] else {}
    net, x = filled(key, case["strong"], **options), image(case["seed"], tuple(case["shape"]))[:1]
    if case["float64"]:
        net, x = copy.deepcopy(net).double(), x.double()
    logits = net(x)[0, : len(case["logits"])].double()
    assert (logits - torch.tensor(case["logits"], dtype=torch.float64)).abs().max() <= case["slack"]

"""Check and time forward and backward of the Triton scan on the GPU at hand, at sizes of trainings.

    python -m bench.ops.selective_scan.measure_backward

Every plan of a row is compared with the gradients of the plain scan before it is timed, as in `measure`. The
least bytes are those of the backward pass: u, delta and the gradient of y read, those of u and delta written,
the states written and read, once each.
"""

from __future__ import annotations

import math
import sys
from functools import partial

import torch
from torch import Tensor

from bench.ops.selective_scan.cases import ScanOptions, ScanShape, random_inputs, relative_error
from bench.ops.selective_scan.chunked import chunked_scan
from bench.ops.selective_scan.inputs import ScanInputs
from bench.ops.selective_scan.timing import copy_bandwidth, median_ms
from bench.ops.selective_scan.triton import launch_scan
from bench.ops.selective_scan.triton_backward import scan_gradients
from bench.ops.selective_scan.triton_plan import ScanPlan, backward_plan, choose_plan

ROWS = {
    "micro vim": ScanShape(256, 2, 192, 16, 65),
    "micro vmamba stage 1": ScanShape(256, 4, 24, 1, 256),
    "micro local vmamba stage 1": ScanShape(256, 4, 48, 8, 256),
    "vim-s 224": ScanShape(64, 1, 768, 16, 197),
    "vmamba s1 stage 1": ScanShape(64, 4, 96, 1, 3136),
    "vmamba s1 512x2048": ScanShape(2, 4, 96, 1, 65536),
}
_BOUND = 1e-2
"""Largest relative error of a gradient in bfloat16, whose own rounding is half of 8e-3."""


def main() -> int:
    """Print a line for every plan of every row; 1 where a gradient differs or there is no GPU."""
    if not torch.cuda.is_available():
        sys.stderr.write("no CUDA device: the scan can be timed on a GPU only\n")
        return 1
    sys.stdout.write(f"copy {copy_bandwidth():.0f} GB/s; bfloat16, (b, l, d); times in ms\n")
    worst = 0.0
    for name, shape in ROWS.items():
        generator = torch.Generator("cuda").manual_seed(3)
        inputs = random_inputs(shape, torch.bfloat16, ScanOptions(channels_last=True), generator)
        dy_bdl = torch.randn_like(inputs.u_bdl)
        forward_ms = median_ms([partial(launch_scan, inputs, choose_plan(inputs))])
        expected = _plain_gradients(inputs, dy_bdl)
        sys.stdout.write(f"{name}: forward {forward_ms:.3f}, least {least_bytes(shape) / 1e6:.0f} MB back\n")
        for plan in plans(backward_plan(inputs), shape.states):
            found = [grad for grad in scan_gradients(inputs, dy_bdl, plan) if grad is not None]
            errors = list(map(relative_error, found, expected))
            error = math.nan if any(map(math.isnan, errors)) else max(errors)
            worst = error if not error < _BOUND else worst
            ms = median_ms([partial(scan_gradients, inputs, dy_bdl, plan)])
            gb_s = least_bytes(shape) / ms / 1e6
            sys.stdout.write(f"  {plan}: error {error:.1e}, {ms:.3f}, {gb_s:.0f} GB/s\n")
        del inputs, dy_bdl, expected
        torch.cuda.empty_cache()
    return int(not worst < _BOUND)


def plans(chosen: ScanPlan, states: int) -> list[ScanPlan]:
    """Return the plans worth timing, the one that calls take first."""
    tiles = (1, 2) if states > 4 else (2, 4)
    others = [chosen._replace(rows=rows, tile=tile) for rows in (32, 64) for tile in tiles]
    return list(dict.fromkeys((chosen, *others)))


def least_bytes(shape: ScanShape) -> int:
    """Return the bytes that the backward pass moves at least: 2 per element, 4 per state."""
    batch, groups, width, states, tokens = shape
    return batch * groups * tokens * (width * (5 * 2 + states * 2 * 4) + 4 * states * 2)


def _plain_gradients(inputs: ScanInputs, dy_bdl: Tensor) -> list[Tensor]:
    leaves = [field.clone().requires_grad_() if isinstance(field, Tensor) else field for field in inputs]
    asked = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
    return list(torch.autograd.grad(chunked_scan(ScanInputs._make(leaves)), asked, dy_bdl))


if __name__ == "__main__":
    sys.exit(main())

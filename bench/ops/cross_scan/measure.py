"""Check and time the fused cross scan on the GPU at hand, beside the composed one.

python -m bench.ops.cross_scan.measure --json OUT [--seconds 100]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from bench.ops.cross_scan.composed import composed_scan
from bench.ops.cross_scan.fused import choose_cross_plan, fused_scan
from bench.ops.cross_scan.inputs import ROUTES, CrossInputs
from bench.ops.selective_scan.cases import relative_error
from bench.ops.selective_scan.timing import copy_bandwidth, median_ms
from bench.ops.selective_scan.triton_plan import ScanPlan, segment_count

_TOLERANCE = {torch.float16: 2e-2, torch.float32: 1e-4}


class CrossRow(NamedTuple):
    """One stage of a network: map size, inner width, rank of the step sizes, states."""

    name: str
    batch: int
    height: int
    columns: int
    width: int
    rank: int
    states: int
    dtype: torch.dtype

    @property
    def minimum_bytes(self) -> int:
        """Bytes of the map once in its dtype and of the sum once in float32."""
        return self.batch * self.height * self.columns * self.width * (self.dtype.itemsize + 4)


ROWS = (
    CrossRow("vmamba s1 stage 1", 128, 56, 56, 96, 6, 1, torch.float16),
    CrossRow("vmamba s1 stage 2", 128, 28, 28, 192, 12, 1, torch.float16),
    CrossRow("vmamba s1 stage 3", 128, 14, 14, 384, 24, 1, torch.float16),
    CrossRow("vmamba s1 stage 4", 128, 7, 7, 768, 48, 1, torch.float16),
    CrossRow("vmamba v0 stage 1", 64, 56, 56, 192, 6, 16, torch.float32),
    CrossRow("vmamba v0 stage 3", 64, 14, 14, 768, 24, 16, torch.float32),
    CrossRow("vmamba s1 512x2048", 4, 128, 512, 96, 6, 1, torch.float16),
)


class Figure(NamedTuple):
    """One way to compute a row: milliseconds, error against the plain scan, and whether that is small."""

    row: str
    plan: str
    ms: float
    error: float
    sound: bool


def main(arguments: list[str] | None = None) -> int:
    """Measure all rows, write the JSON, end with the table; 1 where a check failed or nothing ran."""
    parser = argparse.ArgumentParser(description="Check and time the cross scan on this GPU.")
    parser.add_argument("--json", type=Path, required=True, help="file for every figure")
    parser.add_argument("--seconds", type=float, default=100.0, help="start no further plan after this long")
    options = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        sys.stderr.write("no CUDA device: the scan can be timed on a GPU only\n")
        return 1
    deadline = time.monotonic() + options.seconds
    copied_gb_s = copy_bandwidth()
    figures = [figure for row in ROWS for figure in row_figures(row, deadline)]
    report = {
        "device": torch.cuda.get_device_name(),
        "copy_gb_s": copied_gb_s,
        "figures": [figure._asdict() for figure in figures],
    }
    options.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    sys.stdout.write(f"copy {copied_gb_s:.0f} GB/s; * marks the chosen plan\n")
    for figure in figures:
        sys.stdout.write(f"{figure.row:<20}{figure.plan:<32}{figure.ms:>9.3f} ms  error {figure.error:.1e}\n")
    return int(not all(figure.sound for figure in figures))


def random_operands(row: CrossRow, generator: torch.Generator) -> CrossInputs:
    """Return operands of a row on the device of `generator`, weights in float32."""

    def normal(*size: int) -> Tensor:
        return torch.randn(size, generator=generator, device=generator.device)

    width, rank, states = row.width, row.rank, row.states
    return CrossInputs(
        normal(row.batch, row.height, row.columns, width).to(row.dtype),
        normal(ROUTES, rank + 2 * states, width) / width**0.5,
        normal(ROUTES, width, rank) / rank**0.5,
        -torch.arange(1.0, states + 1, device=generator.device).repeat(ROUTES * width, 1),
        normal(ROUTES * width),
        normal(ROUTES * width) - 4,
    )


def candidates(inputs: CrossInputs) -> list[ScanPlan]:
    """Return the plans worth timing; the chosen one first."""
    batch, height, columns, width = inputs.x_bhwd.shape
    walks = [ScanPlan("walk", 32, 1), ScanPlan("walk", 64, 1), ScanPlan("walk", 64, 2)]
    tiles = [ScanPlan("tile", 32, 1, 32), ScanPlan("tile", 32, 1, 16), ScanPlan("tile", 64, 1, 16)]
    plans = walks if inputs.decay_en.shape[1] > 1 else [*tiles, *walks[:2]]
    chosen = choose_cross_plan(inputs)
    cut = [
        plan._replace(
            segments=segment_count(batch * ROUTES * -(-width // plan.rows) * plan.warps, height * columns)
        )
        for plan in plans
    ]
    return list(dict.fromkeys((chosen, *cut)))


def row_figures(row: CrossRow, deadline: float) -> list[Figure]:
    """Return the figures of the composed scan and of every plan of the fused one."""
    generator = torch.Generator("cuda").manual_seed(3)
    sets = [random_operands(row, generator) for _ in range(2)]
    figures: list[Figure] = []
    with torch.inference_mode():
        expected = composed_scan(sets[0], "torch")
        chosen = choose_cross_plan(sets[0])
        for plan in (None, *candidates(sets[0])):
            if time.monotonic() > deadline:
                break
            scan = (
                partial(composed_scan, backend="triton") if plan is None else partial(fused_scan, plan=plan)
            )
            error = relative_error(scan(sets[0]), expected)
            name = "composed" if plan is None else " ".join(map(str, plan)) + (" *" if plan == chosen else "")
            sound = error < _TOLERANCE[row.dtype]
            ms = median_ms([partial(scan, inputs) for inputs in sets])
            figures.append(Figure(row.name, name, ms, error, sound))
    torch.cuda.empty_cache()
    return figures


if __name__ == "__main__":
    sys.exit(main())

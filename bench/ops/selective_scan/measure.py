"""Check and time every way to scan on the GPU at hand, beside the published kernels.

    python -m bench.ops.selective_scan.measure --json OUT [--seconds 220] [--chosen]

Nothing is timed that did not first equal the plain scan. Each figure is the median over replays of a
CUDA graph that goes through several sets of operands, so that neither launches nor the cache help.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
import triton  # type: ignore[import-untyped]

from bench.ops.selective_scan.cases import (
    ROWS,
    ScanOptions,
    ScanRow,
    ScanShape,
    random_inputs,
    relative_error,
)
from bench.ops.selective_scan.chunked import chunked_scan
from bench.ops.selective_scan.inputs import ScanInputs
from bench.ops.selective_scan.reference import reference_scan
from bench.ops.selective_scan.timing import copy_bandwidth, median_ms
from bench.ops.selective_scan.triton import launch_scan
from bench.ops.selective_scan.triton_plan import ScanPlan, candidates, choose_plan

_TOLERANCE = {torch.float16: 2e-3, torch.float32: 2e-5}


@dataclass(frozen=True)
class Timing:
    """One plan on one row; `ms` is None and `problem` says why where there is no figure."""

    row: str
    layout: str
    plan: ScanPlan
    chosen: bool
    error: float | None = None
    ms: float | None = None
    problem: str = ""


def main(arguments: list[str] | None = None) -> int:
    """Measure all rows, write the JSON, end with the table; 1 where a check failed or nothing ran."""
    parser = argparse.ArgumentParser(description="Check and time the selective scan on this GPU.")
    parser.add_argument("--json", type=Path, required=True, help="file for every figure")
    parser.add_argument("--seconds", type=float, default=220.0, help="start no further plan after this long")
    parser.add_argument("--chosen", action="store_true", help="time the plans that calls take, no others")
    options = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        sys.stderr.write("no CUDA device: the scan can be timed on a GPU only\n")
        return 1
    deadline = time.monotonic() + options.seconds
    errors = small_errors()
    copied_gb_s = copy_bandwidth()
    timings = [timing for row in ROWS for timing in row_timings(row, deadline, options.chosen)]
    report = {
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "triton": triton.__version__,
        "copy_gb_s": copied_gb_s,
        "small_errors": errors,
        "timings": [{**asdict(timing), "plan": timing.plan._asdict()} for timing in timings],
    }
    options.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    problems = [timing for timing in timings if timing.problem]
    for timing in problems:
        sys.stdout.write(f"{timing.row} {timing.layout} {timing.plan}: {timing.problem}\n")
    for name, error in errors.items():
        sys.stdout.write(f"check {name}: {error:.1e}\n")
    sys.stdout.write(table(timings, copied_gb_s))
    return int(any("differs" in timing.problem for timing in problems) or max(errors.values()) > 1e-5)


def small_errors() -> dict[str, float]:
    """Return the error of each backend in float32 against the float64 reference on small odd shapes."""
    generator = torch.Generator("cuda").manual_seed(1)
    errors: dict[str, float] = {}
    for shape in (ScanShape(2, 4, 33, 1, 197), ScanShape(1, 2, 40, 16, 63), ScanShape(1, 1, 5, 16, 1)):
        for options in (ScanOptions(), ScanOptions(True), ScanOptions(largest_step=40.0)):
            inputs = random_inputs(shape, torch.float32, options, generator)
            double = (field.double() if isinstance(field, torch.Tensor) else field for field in inputs)
            expected = reference_scan(ScanInputs._make(double))
            for backend, y in (
                ("torch", chunked_scan(inputs)),
                ("triton", launch_scan(inputs, choose_plan(inputs))),
            ):
                error = relative_error(y, expected)
                name = f"{backend} {'n=1' if shape.states == 1 else 'n=16'}"
                errors[name] = max(errors.get(name, 0.0), error if math.isfinite(error) else math.inf)
    return errors


def row_timings(row: ScanRow, deadline: float, chosen: bool) -> list[Timing]:
    """Return the figures of every candidate on `row`, or of the chosen plan, in both layouts."""
    timings = []
    for layout in ("bld", "bdl"):
        generator = torch.Generator("cuda").manual_seed(2)
        sets = [
            random_inputs(row.shape, row.dtype, ScanOptions(channels_last=layout == "bld"), generator)
            for _ in range(2)
        ]
        with torch.inference_mode():
            expected = chunked_scan(sets[0])
            first = choose_plan(sets[0])
            for plan in dict.fromkeys((first, *(() if chosen else candidates(sets[0])))):
                blank = Timing(row.name, layout, plan, plan == first)
                timings.append(_time_plan(blank, sets, expected, deadline))
        del sets, expected
        torch.cuda.empty_cache()
    return timings


def _time_plan(blank: Timing, sets: list[ScanInputs], expected: torch.Tensor, deadline: float) -> Timing:
    values = asdict(blank) | {"plan": blank.plan}
    if time.monotonic() > deadline:
        return Timing(**values | {"problem": "not run: out of time"})
    try:
        torch.use_deterministic_algorithms(True)
        y = launch_scan(sets[0], blank.plan)
        torch.cuda.synchronize()
        torch.use_deterministic_algorithms(False)
        error = relative_error(y, expected)
        if not error < _TOLERANCE[expected.dtype]:
            return Timing(**values | {"error": error, "problem": f"differs by {error:.1e}"})
        ms = median_ms([partial(launch_scan, inputs, blank.plan) for inputs in sets])
    except Exception as reason:  # a plan that this card or compiler refuses must not end the others
        torch.use_deterministic_algorithms(False)
        return Timing(**values | {"problem": f"{type(reason).__name__}: {str(reason)[:200]}"})
    return Timing(**values | {"error": error, "ms": ms})


def table(timings: list[Timing], copied_gb_s: float) -> str:
    """Return the comparison as text: best plan in each layout, published figure, bytes and floor."""
    lines = [f"copy {copied_gb_s:.0f} GB/s; times in ms; * marks a plan that is not the chosen one"]
    head = f"{'row':<20}{'(b,l,d)':>9}{'(b,d,l)':>9}{'official':>9}{'ratio':>7}"
    lines.append(f"{head}{'GB/s':>7}{'of copy':>8}{'floor':>8}  best plans")
    ratios = []
    for row in ROWS:
        best: dict[str, Timing | None] = {}
        for layout in ("bld", "bdl"):
            found = [item for item in timings if (item.row, item.layout) == (row.name, layout) and item.ms]
            best[layout] = min(found, key=lambda item: item.ms or math.inf, default=None)
        fastest = min((item.ms for item in best.values() if item is not None and item.ms), default=math.nan)
        gb_s = row.minimum_bytes / fastest / 1e6
        ratios.append(row.official_ms / fastest)
        cells = "".join(f"{(item.ms if item and item.ms else math.nan):>9.3f}" for item in best.values())
        plans = "; ".join(_short(item) for item in best.values() if item is not None)
        lines.append(
            f"{row.name:<20}{cells}{row.official_ms:>9.3f}{ratios[-1]:>7.2f}{gb_s:>7.0f}"
            f"{gb_s / copied_gb_s:>8.0%}{row.minimum_bytes / copied_gb_s / 1e6:>8.3f}  {plans}"
        )
    lines.append(
        f"geometric mean {math.exp(sum(map(math.log, ratios)) / len(ratios)):.2f}, least {min(ratios):.2f}"
    )
    return "\n".join(lines) + "\n"


def _short(timing: Timing) -> str:
    kernel, rows, warps, tile, stages, segments = timing.plan
    return f"{kernel} {rows}x{tile} w{warps} s{stages} c{segments}{'' if timing.chosen else '*'}"


if __name__ == "__main__":
    sys.exit(main())

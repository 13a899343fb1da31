"""A plan is there before one has looked away, interpreter start and imports included."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.timing
SUITES = Path(__file__).parents[2] / "suites"
PLAN = """
import json, sys
from pathlib import Path
from bench.catalog import read
from bench.plan.expand import expand
from bench.plan.select import select
from bench.plan.state import as_json, assess
from bench.plan.suite import read_suite

catalog = read.catalog()
suite = read_suite(Path(sys.argv[1]), catalog)
cells = select(expand(suite, catalog.models, catalog.tasks, catalog.protocols, "cuda", None), ["*"])
planned = assess(cells, {}, lambda cell: "no data" if cell.measure == "accuracy" else None, fresh=False)
heavy = {"torch", "timm", "pandas", "numpy", "triton", "torchvision"} & set(sys.modules)
json.dump({**as_json(planned), "heavy": sorted(heavy)}, sys.stdout)
"""
BIG = """
name: big
sweeps:
  - models: [deit_small, swin_tiny, mambaout_tiny, mambaout_small]
    task: imagenet
    resolutions: [{sizes}]
    precisions: [fp32, tf32, amp_fp16, amp_bf16, bf16, fp16]
    memory_formats: [contiguous, channels_last]
    modes: [eager, compiled]
    measures: [accuracy, throughput, latency, memory, complexity]
"""


def plan(path: Path) -> tuple[int, float]:
    """Return the number of cells and the seconds of the fastest of three runs."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", PLAN, path], capture_output=True, check=True, timeout=60)
        seconds.append(time.perf_counter() - start)
    answer = json.loads(done.stdout)
    assert answer["heavy"] == []
    return len(answer["cells"]), min(seconds)


def test_ten_thousand_cells_within_three_seconds(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_text(BIG.format(sizes=", ".join(str(32 * step) for step in range(1, 31))))
    cells, seconds = plan(path)
    assert cells == 4 * 30 * (24 * 3 + 12 + 1)
    assert seconds < 3


def test_imagenet_within_a_second() -> None:
    cells, seconds = plan(SUITES / "imagenet.yaml")
    assert cells == 432
    assert seconds < 1

"""The comparison is laid out as promised; its figures need a GPU."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from bench.ops.selective_scan.cases import ROWS, ScanOptions, ScanRow, ScanShape, random_inputs
from bench.ops.selective_scan.triton_plan import (
    ScanPlan,
    backward_plan,
    candidates,
    channels_lie_together,
    choose_plan,
    segment_count,
    walk_plan,
)

needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="torch has no Triton on this platform")


def test_rows_move_the_published_bytes() -> None:
    """GB/s of the published figures, rounded as they were published."""
    published = [889, 884, 806, 429, 306, 334, 164, 215, 1497]
    assert [round(row.minimum_bytes / row.official_ms / 1e6) for row in ROWS] == pytest.approx(
        published, abs=1
    )


@needs_triton
def test_table() -> None:
    from bench.ops.selective_scan.measure import Timing, table  # noqa: PLC0415 -- needs Triton

    plan = ScanPlan("walk", 32, 1)
    timings = [Timing(row.name, "bld", plan, True, 0.0, row.official_ms / 4) for row in ROWS]
    timings += [
        Timing(row.name, "bdl", plan._replace(rows=64), False, 0.0, row.official_ms / 2) for row in ROWS
    ]
    timings += [Timing(ROWS[0].name, "bdl", plan, True, 0.5, None, "differs by 5.0e-01")]
    lines = table(timings, 3000.0).splitlines()
    assert lines[2] == (
        "vmamba s1 stage 1       0.262    0.523    1.047   4.00   3558    119%   0.310  "
        "walk 32x4 w1 s1 c1; walk 64x4 w1 s1 c1*"
    )
    assert lines[-1] == "geometric mean 4.00, least 4.00"


@needs_triton
@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
def test_needs_a_gpu(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from bench.ops.selective_scan.measure import main  # noqa: PLC0415 -- needs Triton

    assert main(["--json", str(tmp_path / "out.json")]) == 1
    assert capsys.readouterr().err == "no CUDA device: the scan can be timed on a GPU only\n"


@needs_triton
@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
def test_the_backward_pass_needs_a_gpu_too(capsys: pytest.CaptureFixture[str]) -> None:
    from bench.ops.selective_scan.measure_backward import main  # noqa: PLC0415 -- needs Triton

    assert main() == 1
    assert capsys.readouterr().err == "no CUDA device: the scan can be timed on a GPU only\n"


@needs_triton
def test_bytes_and_plans_of_the_backward_pass() -> None:
    from bench.ops.selective_scan.measure_backward import least_bytes, plans  # noqa: PLC0415 -- needs Triton

    assert least_bytes(ScanShape(2, 1, 3, 4, 5)) == 2 * 5 * (3 * 10 + 3 * 4 * 8 + 4 * 4 * 2)
    chosen = ScanPlan("walk", 32, 1, tile=1, segments=5)
    assert [(plan.rows, plan.tile, plan.segments) for plan in plans(chosen, 16)] == [
        (32, 1, 5),
        (32, 2, 5),
        (64, 1, 5),
        (64, 2, 5),
    ]


@pytest.mark.parametrize(
    ("shape", "plan"),
    [
        (ScanShape(64, 2, 64, 16, 65), (64, 1, 1)),  # many kept states: one token ahead
        (ScanShape(2, 1, 33, 1, 700), (32, 4, 5)),  # few warps: tokens are cut, as for the walk forth
    ],
    ids=str,
)
def test_backward_plan(shape: ScanShape, plan: tuple[int, int, int]) -> None:
    inputs = random_inputs(shape, torch.float32, ScanOptions(), torch.Generator().manual_seed(0))
    found = backward_plan(inputs)
    assert (found.kernel, found.rows, found.tile, found.segments) == ("walk", *plan)


@pytest.mark.parametrize("channels_last", [False, True], ids=["bdl", "bld"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_plans(row: ScanRow, channels_last: bool) -> None:
    """Every row has plans to choose from, and the one chosen fits the layout."""
    small = row.shape._replace(batch=1, width=4)
    inputs = random_inputs(small, row.dtype, ScanOptions(channels_last), torch.Generator().manual_seed(0))
    assert channels_lie_together(inputs) == channels_last
    plan = choose_plan(inputs)
    assert plan.kernel == (
        "walk" if row.shape.states > 1 or (channels_last and row.shape.tokens < 256) else "tile"
    )
    assert len(candidates(inputs)) > 2


@pytest.mark.parametrize(
    ("warps", "tokens", "segments"),
    [(1, 100, 1), (1, 1000, 7), (1, 10**6, 64), (96, 6085, 16), (768, 10**6, 2), (769, 10**6, 1)],
)
def test_segments(warps: int, tokens: int, segments: int) -> None:
    assert segment_count(warps, tokens) == segments


@pytest.mark.parametrize(
    ("walks", "width", "tokens", "plan"),
    [
        (128, 768, 197, (64, 1)),  # enough warps with two channels a thread
        (256, 192, 3136, (32, 1)),  # too few: one channel a thread
        (4, 768, 6085, (64, 47)),  # far too few: cut tokens, as often as 128 of them allow
        (4, 33, 6085, (32, 47)),
        (2, 768, 197, (64, 1)),  # short sequences are not cut
    ],
)
def test_walks(walks: int, width: int, tokens: int, plan: tuple[int, int]) -> None:
    found = walk_plan(walks, width, tokens)
    assert (found.rows, found.segments) == plan

"""The quickstart through the real command: data drawn here, shipped networks, known answers, exit code."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.flow.conftest import ROOT, Bench

# those that answer within seconds on one core; tests/quickstart/ evaluates all of them
QUICK = ("micro_mambaout", "micro_vmamba", "micro_vit_visible", "micro_vit_causal")


def test_every_answer_is_the_known_one(bench: Bench, tmp_path: Path) -> None:
    shutil.copy(ROOT / "suites/quickstart.yaml", tmp_path)
    only = [part for key in QUICK for part in ("--only", f"{key}/*/accuracy")]
    ended = bench("quickstart.yaml", *only)
    assert ended.code == 0, ended.err
    table = (tmp_path / "results/quickstart.md").read_text(encoding="utf-8")
    rows = [
        line for line in table.splitlines() if "| Top-1 (%) |" in line and "this project: bench.train" in line
    ]
    assert len(rows) == len(QUICK)
    # on a CPU of another kind a handful of images may fall on the other side
    assert all("| reproduced" in row or "| near" in row for row in rows), table
    assert "ViT-micro, causal (mean-pooled)" in table.partition("### Pairs of models")[2]


@pytest.mark.skipif(find_spec("mmdet") is None, reason="the extra dense is not installed")
def test_a_detector_finds_what_is_known(bench: Bench, tmp_path: Path) -> None:
    shutil.copy(ROOT / "suites/quickstart.yaml", tmp_path)
    ended = bench("quickstart.yaml", "--only", "mask_rcnn-*/accuracy")
    assert ended.code == 0, ended.err
    table = (tmp_path / "results/quickstart.md").read_text(encoding="utf-8")
    for metric in ("Box AP (%)", "Mask AP (%)"):
        (row,) = [line for line in table.splitlines() if f"| {metric} " in line]
        assert "| reproduced" in row or "| near" in row


def test_a_file_that_is_not_the_shipped_one_is_refused(bench: Bench, tmp_path: Path) -> None:
    """The hash is checked where the package lies, so a copy of the package is damaged."""
    shutil.copytree(ROOT / "bench", tmp_path / "copy/bench", ignore=shutil.ignore_patterns("__pycache__"))
    weights = tmp_path / "copy/bench/catalog/weights/micro_mambaout.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    shutil.copy(ROOT / "suites/quickstart.yaml", tmp_path)
    shutil.copy(ROOT / "run_bench.py", tmp_path / "copy")
    ended = bench(
        *("quickstart.yaml", "--only", "micro_mambaout/*/accuracy"),
        script=tmp_path / "copy/run_bench.py",
        env={"PYTHONPATH": str(tmp_path / "copy")},
    )
    assert ended.code == 1
    assert "micro_mambaout/shapes/64x64/fp32/accuracy" in ended.err
    said = (tmp_path / "results/quickstart.md").read_text(encoding="utf-8")
    assert f"{weights} has the SHA-256 " in said
    assert "as the card of micro_mambaout says; get the file again with the bench" in said

"""A suite of detectors and segmentors from file to tables: what is wrong with one set stops nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from bench.sets.quickstart import make_ade20k, make_coco

ROOT = Path(__file__).parents[3]
SUITE = """
name: s
limits: {loader_workers: 0}
sweeps:
  - {models: [mask_rcnn-resnet50], task: coco, resolutions: [800x1280], measures: [accuracy], weights: random}
  - {models: [upernet-resnet50], task: ade20k, resolutions: [512x2048], measures: [accuracy], weights: random}
  - models: [upernet-resnet50]
    task: quickstart_ade20k
    resolutions: [64x256]
    precisions: [fp32]
    measures: [accuracy]
    weights: random
"""


def test_wrong_sets_fail_with_a_remedy_and_the_others_are_scored(tmp_path: Path) -> None:
    make_coco(tmp_path / "data/coco")
    make_ade20k(tmp_path / "data/ADEChallengeData2016")
    path = tmp_path / "data/coco/annotations/instances_val2017.json"
    document = json.loads(path.read_text())
    document["categories"] = [{"id": number, "name": f"{number}"} for number in range(1, 92)]
    path.write_text(json.dumps(document))
    (tmp_path / "s.yaml").write_text(SUITE)
    ended = subprocess.run(
        [sys.executable, str(ROOT / "run_bench.py"), "s.yaml", "--device", "cpu"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "bad data: data/coco/annotations/instances_val2017.json has 91 categories" in ended.stderr
    assert "bad data: data/ADEChallengeData2016/images/validation holds 4 images (.jpg)" in ended.stderr
    assert "3 cells: 1 measured, 2 failed" in ended.stderr
    (record,) = (tmp_path / "results/records").glob("*/upernet-resnet50/quickstart_ade20k-*.json")
    found = json.loads(record.read_text())
    assert found["outcome"]["values"]["images"] == 4
    report = (tmp_path / "results/s.md").read_text()
    assert "### Accuracy: Quickstart segmentation (made locally) (4 images)" in report
    assert "| UperNet, ResNet-50 [1] | 64x256    | fp32      | mIoU (%)" in report
    again = subprocess.run(
        [sys.executable, "-m", "bench", "rescore", str(record)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert again.stdout.count("as stored") == 3

"""A real run in which a forward pass of a segmentor runs out of memory: a remedy, and the others go on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SUITE = """
name: s
limits: {loader_workers: 0}
sweeps:
  - models: [upernet-resnet50]
    task: quickstart_ade20k
    resolutions: [64x256]
    precisions: [fp32]
    measures: [accuracy, fps]
    weights: random
    scales: multi
  - models: [upernet-resnet50]
    task: quickstart_ade20k
    resolutions: [64x128]
    precisions: [fp32]
    measures: [memory]
"""
# loaded by every Python process of the run, workers included, where it is on the path
FULL = """
import os, sys
from importlib.machinery import PathFinder

NAME = "mmseg.models.decode_heads.uper_head"


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name != NAME:
            return None
        spec = PathFinder.find_spec(name, path)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            forward = module.UPerHead.forward

            def full(self, maps):
                import torch
                # smaller ones fit
                if maps[0].shape[-1] > 32:
                    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 12.50 GiB. GPU 0")
                return forward(self, maps)

            module.UPerHead.forward = full

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Finder())
"""


def test_out_of_memory_names_the_remedies_of_each_cell_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/sitecustomize.py").write_text(FULL)
    (tmp_path / "s.yaml").write_text(SUITE)
    ended = subprocess.run(
        [sys.executable, str(ROOT / "run_bench.py"), "s.yaml", "--device", "cpu"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path / 'full'}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "3 cells: 1 measured, 2 failed" in ended.stderr
    outcomes = {}
    for path in (tmp_path / "results/records").rglob("*.json"):
        record = json.loads(path.read_text())
        outcomes[record["cell"]["measure"]] = record["outcome"]
    asked = "out of memory while asking for 12.50 GiB; for this model set `precisions: [amp_fp16]` or"
    assert {name: found.get("reason") for name, found in outcomes.items()} == {
        "accuracy": "out_of_memory",
        "fps": "out_of_memory",
        "memory": None,
    }
    assert outcomes["accuracy"]["message"] == f"{asked} `windows: slide` or `scales: single`"
    assert outcomes["fps"]["message"] == f"{asked} `resolutions` below 64x256"
    assert outcomes["memory"]["values"]["peak_process_bytes"] > 0
    assert "out of memory while asking for 12.50 GiB" in (tmp_path / "results/s.md").read_text()

"""What a suite becomes on one machine."""

from argparse import Namespace
from pathlib import Path

from bench.cli.workspace import Workspace
from bench.spec.cell import Cell

SUITE = """
name: s
sweeps:
  - {{models: [mobilenetv3_small], task: quickstart, resolutions: [32], measures: [accuracy], weights: {}}}
"""


def only_cell(folder: Path, weights: Path) -> Cell:
    suite = folder / "s.yaml"
    suite.write_text(SUITE.format(weights), encoding="utf-8")
    (cell,) = Workspace(Namespace(suite=suite, results=folder / "results", device="cpu")).cells
    return cell


def test_other_content_of_a_weights_file_is_another_cell(tmp_path: Path) -> None:
    weights = tmp_path / "mine.safetensors"
    missing = only_cell(tmp_path, weights)
    weights.write_bytes(b"one")
    first, again = only_cell(tmp_path, weights), only_cell(tmp_path, weights)
    weights.write_bytes(b"two")
    second = only_cell(tmp_path, weights)
    assert (missing.weights_digest, first.weights_digest) == ("", "7692c3ad3540")
    assert first == again
    assert len({missing.key, first.key, second.key}) == 3
    assert missing.name == first.name == second.name

"""Scores are computed again from what records keep, and what is not kept is said."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.catalog import read
from bench.cli.main import main
from bench.metrics.confusion import pack, scores
from bench.spec.record import Measured
from bench.store.files import Store
from tests.records import make_cell, make_record

COUNTS = np.random.RandomState(0).randint(0, 1000, size=(150, 150)).astype(np.int64)


def stored(root: Path, task: str, checkpoint: str, outcome: Measured, **fields: Any) -> str:
    cards = {"card": read.every_model()[checkpoint]}
    cell = make_cell(checkpoint, "accuracy", task=task, **fields)
    monkey = make_record(make_cell("deit_small", "accuracy", task=task), outcome, provenance=cards)
    record = monkey.model_copy(update={"cell": cell, "cell_key": cell.key})
    return str(Store(root).write(record))


def segmented(values: Mapping[str, float], **details: Any) -> Measured:
    return Measured(values={**values, "images": 3}, details=details)


@pytest.mark.parametrize("scales", ["single", "multi"])
def test_a_segmentor_from_its_matrix(scales: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = scores(COUNTS, several_scales=scales == "multi")
    outcome = segmented(values, confusion=pack(COUNTS))
    path = stored(tmp_path, "ade20k", "upernet-swin_tiny", outcome, scales=scales)
    assert main(["rescore", path]) == 0
    said = capsys.readouterr().out
    assert said.count("as stored") == 3
    assert "mIoU" in said


def test_a_difference_is_said_and_has_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = scores(COUNTS, several_scales=False) | {"miou_percent": 50.0}
    path = stored(tmp_path, "ade20k", "upernet-swin_tiny", segmented(values, confusion=pack(COUNTS)))
    assert main(["rescore", path]) == 3
    said = capsys.readouterr().out
    assert "stored 50.0" in said
    assert said.count("as stored") == 2


def test_what_cannot_be_scored_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = scores(COUNTS, several_scales=False)
    damaged = stored(tmp_path, "ade20k", "upernet-swin_tiny", segmented(values, confusion={"format": "?"}))
    classified = stored(tmp_path, "imagenet", "deit_small", Measured(values={"top1_percent": 1, "images": 3}))
    not_kept = stored(
        tmp_path, "coco", "mask_rcnn-swin_tiny", Measured(values={"box_ap_percent": 1, "images": 3})
    )
    for path, wanted in {
        damaged: f"{damaged}: no confusion matrix in the format",
        classified: "only records of detection and segmentation keep",
        not_kept: "no predictions were kept; set `scoring: {keep_predictions: true}` in the suite",
        str(tmp_path / "no.json"): "cannot be read: No such file",
    }.items():
        assert main(["rescore", path, "--results", str(tmp_path)]) == 2
        assert wanted in capsys.readouterr().err


class TestDetections:
    """One object, found."""

    # a square of 40 px at (4, 4)
    MASK = {"size": [64, 64], "counts": f"T8X1h{'0' * 78}lW1"}
    OBJECT = {"image_id": 1, "category_id": 1, "bbox": [4, 4, 40, 40], "segmentation": MASK}
    PERFECT = {
        f"{what}_ap{part}_percent": 100.0 for what in ("box", "mask") for part in ("", "50", "75", "_medium")
    }

    @pytest.fixture
    def data(self, tmp_path: Path) -> Path:
        folder = tmp_path / "data/coco"
        (folder / "val2017").mkdir(parents=True)
        (folder / "annotations").mkdir()
        document = {
            "images": [{"id": 1, "height": 64, "width": 64}],
            "categories": [{"id": 1, "name": "person"}],
            "annotations": [{"id": 1, "area": 1600, "iscrowd": 0, **self.OBJECT}],
        }
        (folder / "annotations/instances_val2017.json").write_text(json.dumps(document))
        return tmp_path / "data"

    @pytest.fixture
    def record(self, tmp_path: Path) -> str:
        text = json.dumps([{**self.OBJECT, "score": 0.5}]).encode()
        kept = tmp_path / "local/predictions/x.json"
        kept.parent.mkdir(parents=True)
        kept.write_bytes(text)
        predictions = {"file": "x.json", "sha256": hashlib.sha256(text).hexdigest()}
        outcome = Measured(
            values={**self.PERFECT, "images": 1},
            details={"predictions": predictions, "evaluator": "faster-coco-eval 1.8.0"},
        )
        return stored(tmp_path, "coco", "mask_rcnn-swin_tiny", outcome)

    @pytest.mark.skipif(find_spec("faster_coco_eval") is None, reason="the extra `dense` is not installed")
    @pytest.mark.parametrize("options", [[], ["--evaluator", "pycocotools"]])
    def test_from_the_kept_file(
        self, options: list[str], data: Path, record: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["rescore", record, "--results", str(tmp_path), "--data", str(data), *options]) == 0
        assert capsys.readouterr().out.count("as stored") == len(self.PERFECT)

    def test_without_file_or_with_another_or_without_annotations(
        self, record: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        command = ["rescore", record, "--results", str(tmp_path), "--data", str(tmp_path / "none")]
        assert main(command) == 2
        assert "COCO 2017 validation was not found; looked for" in capsys.readouterr().err
        (tmp_path / "local/predictions/x.json").write_text("[]")
        assert main(command) == 2
        assert "x.json: is not the file that" in capsys.readouterr().err
        (tmp_path / "local/predictions/x.json").unlink()
        assert main(command) == 2
        assert "name its results with --results" in capsys.readouterr().err

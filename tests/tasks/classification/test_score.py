"""The ranking of logits, against timm's accuracy and its ReaL evaluator."""

import json
from pathlib import Path

import pytest
import torch
from timm.data import RealLabelsImagenet
from timm.utils import accuracy

from bench.tasks.classification.decoded import Batch
from bench.tasks.classification.score import hits, score
from bench.tasks.classification.targets import real_labels


@pytest.mark.parametrize("classes", [3, 5, 1000])
def test_hits_equal_timm_also_where_logits_are_equal(classes: int) -> None:
    torch.manual_seed(0)
    # few values, so that many logits are equal
    logits = torch.randint(0, 4, (500, classes)).float()
    labels = torch.randint(0, classes, (500,))
    top1, top5, finite = hits(logits, [(int(label),) for label in labels])
    right1, right5 = accuracy(logits, labels, topk=(1, 5))
    assert int(top1.sum()) == round(float(right1) * 5)
    assert int(top5.sum()) == round(float(right5) * 5)
    assert bool(finite.all())


def test_hits_equal_timm_on_reassessed_labels(tmp_path: Path) -> None:
    labels = real_labels()[:1000]
    (tmp_path / "real.json").write_text(json.dumps(labels))
    names = [f"val/ILSVRC2012_val_{number + 1:08d}.JPEG" for number in range(1000)]
    theirs = RealLabelsImagenet(names, real_json=str(tmp_path / "real.json"))
    torch.manual_seed(0)
    logits = torch.randn(1000, 1000)
    for row, each in enumerate(labels):
        # without help nearly all would be wrong
        logits[row, each[:1]] += 3.0
    theirs.add_result(logits)
    labelled = [row for row, each in enumerate(labels) if each]
    top1, top5, _ = hits(logits[labelled], [tuple(labels[row]) for row in labelled])
    assert 100 * float(top1.double().mean()) == pytest.approx(theirs.get_accuracy(1), abs=1e-9)
    assert 100 * float(top5.double().mean()) == pytest.approx(theirs.get_accuracy(5), abs=1e-9)
    assert 0 < int(top1.sum()) < int(top5.sum()) < len(labelled)


def test_images_after_too_many_damaged_ones_are_only_looked_at() -> None:
    calls = []

    def predict(images: torch.Tensor) -> torch.Tensor:
        calls.append(len(images))
        return torch.zeros(len(images), 10)

    pixels = torch.zeros(2, 3, 4, 4)
    batches = [Batch(pixels, [0, 1], []), Batch(pixels, [2, 4], [(3, "x")]), Batch(None, [], [(5, "y")])]
    assert score(batches, predict, [(0,)] * 6, allowed_damaged=1).damaged == [(3, "x"), (5, "y")]
    assert calls == [2, 2]
    calls.clear()
    assert score(batches, predict, [(0,)] * 6, allowed_damaged=0).positions == [0, 1]
    assert calls == [2]

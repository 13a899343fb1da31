"""Our counts are those of timm's own data set, loader, transform and accuracy on the same files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from timm.data import create_dataset, create_loader
from timm.utils import accuracy
from torch import Tensor, nn

from bench import zoo
from bench.catalog import read
from bench.tasks.classification.accuracy import measure

if TYPE_CHECKING:
    from tests.tasks.classification.conftest import MakeJob, TellApart

BATCH = 64


def timm_batches(photos: Path, model: str, size_px: int, crop_pct: float) -> list[tuple[Tensor, Tensor]]:
    published = read.models()[model].preprocessing
    dataset = create_dataset("", root=str(photos / "photos" / "val"))
    loader = create_loader(
        dataset,
        input_size=(3, size_px, size_px),
        batch_size=BATCH,
        use_prefetcher=False,
        num_workers=0,
        interpolation=published.interpolation,
        mean=published.mean,
        std=published.std,
        crop_pct=crop_pct,
    )
    return list(loader)


def timm_counts(model: nn.Module, batches: list[tuple[Tensor, Tensor]]) -> tuple[int, int, int]:
    top1 = top5 = images = 0.0
    for pixels, labels in batches:
        with torch.inference_mode():
            right1, right5 = accuracy(model(pixels), labels, topk=(1, 5))
        top1 += float(right1) * len(labels) / 100
        top5 += float(right5) * len(labels) / 100
        images += len(labels)
    return round(top1), round(top5), round(images)


# timm leaves closing the files to the garbage collector
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(
    ("model", "size_px"), [("mobilenetv3_small", 96), ("resnet18", 48), ("mambaout_femto", 48)]
)
def test_counts_are_identical(
    *, make_job: MakeJob, tell_apart: TellApart, photos: Path, tmp_path: Path, model: str, size_px: int
) -> None:
    network = zoo.build(model)
    first = timm_batches(photos, model, size_px, 0.875)[::4]
    torch.save(tell_apart(network, torch.cat([pixels for pixels, _ in first])), tmp_path / "discerning.pth")
    seen = set()
    for crop_pct in (0.875, 1.0):
        theirs = timm_counts(network, timm_batches(photos, model, size_px, crop_pct))
        job = make_job(
            model=model,
            size_px=size_px,
            weights=str(tmp_path / "discerning.pth"),
            crop_pct=crop_pct,
            eval_batch=BATCH,
        )
        measured = measure(job).measured
        ours = tuple(measured.values[name] for name in ("top1_correct", "top5_correct", "images"))
        assert ours == theirs
        assert theirs[2] == 1008
        # neither chance nor one class for all, so that another pixel would show
        assert 0 < theirs[0] < theirs[1] < 1008
        seen.add(measured.details["correct_top1_bits"])
    assert len(seen) == 2

"""Pixels are exactly those of timm's evaluation transform for the published configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from skimage import data
from timm.data import create_transform, resolve_data_config

from bench.catalog import read
from bench.tasks.classification.preprocess import resolve, transform

if TYPE_CHECKING:
    from tests.tasks.classification.conftest import MakeJob


@pytest.mark.parametrize(
    "key", ["mambaout_tiny", "deit_small", "convnext_tiny", "resnet50", "mobilenetv3_small"]
)
@pytest.mark.parametrize("subject", ["coffee", "rocket", "cat"])
def test_pixels_are_those_of_timm(make_job: MakeJob, key: str, subject: str) -> None:
    with torch.device("meta"):
        model = timm.create_model(read.models()[key].ref)
    theirs = create_transform(**resolve_data_config({}, model=model), is_training=False)
    job = make_job(model=key, size_px=224)
    photo = Image.fromarray(getattr(data, subject)())
    assert torch.equal(transform(resolve(job.card, job.cell))(photo), theirs(photo))


@pytest.mark.parametrize("size", [(224, 224), (288, 160)])
@pytest.mark.parametrize("crop_pct", [0.875, 0.95, 1.0])
def test_size_and_crop_of_the_cell(make_job: MakeJob, size: tuple[int, int], crop_pct: float) -> None:
    job = make_job(model="mambaout_tiny", crop_pct=crop_pct)
    cell = job.cell.model_copy(update={"height_px": size[0], "width_px": size[1]})
    resolved = resolve(job.card, cell)
    assert resolved.crop_pct == crop_pct
    theirs = create_transform((3, *size), interpolation="bicubic", crop_pct=crop_pct)
    photo = Image.fromarray(data.cat())
    pixels = transform(resolved)(photo)
    assert pixels.shape == (3, *size)
    assert torch.equal(pixels, theirs(photo))


def test_published_crop_of_every_card(make_job: MakeJob) -> None:
    crops = {key: resolve(card, make_job(model=key).cell).crop_pct for key, card in read.models().items()}
    assert crops["mambaout_tiny"] == 1.0
    assert crops["swin_tiny"] == 0.875
    assert crops == {key: card.preprocessing.crop_pct for key, card in read.models().items()}


def test_the_crop_is_of_the_centre(make_job: MakeJob) -> None:
    pixels = np.zeros((64, 128, 3), dtype=np.uint8)
    pixels[:, 32:96] = 255
    job = make_job(model="mambaout_tiny", size_px=64)
    white = transform(resolve(job.card, job.cell))(Image.fromarray(pixels))
    mean, std = torch.tensor(job.card.preprocessing.mean), torch.tensor(job.card.preprocessing.std)
    assert torch.allclose(white.mean(dim=(1, 2)), (1 - mean) / std, atol=1e-5)

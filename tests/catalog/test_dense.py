"""Detectors and segmentors of a family file: what they take over, and mistakes by file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.catalog import read
from bench.spec.errors import UserError

FAMILY = """
defaults: {{family: MambaOut, source: timm, height_px: 224, width_px: 224, paper: P, licence: MIT,
  preprocessing: {{crop_pct: 1.0}}}}
models:
  first: {{label: First, ref: first, params: 10, dense: {dense}}}
  second: {{label: Second, ref: second, params: 20}}
"""


def write(folder: Path, dense: str) -> Path:
    (folder / "family.yaml").write_text(FAMILY.format(dense=dense), encoding="utf-8")
    return folder


def test_a_backbone_is_entered_once(tmp_path: Path) -> None:
    folder = write(tmp_path, "{upernet: {params: 30}, mask_rcnn: {params: 40, weights_url: https://a/b.pth}}")
    cards = read.every_model(folder)
    assert list(cards) == ["first", "second", "mask_rcnn-first", "upernet-first"]
    assert list(read.models(folder)) == ["first", "second"]
    detector, segmentor = cards["mask_rcnn-first"], cards["upernet-first"]
    assert (detector.params, detector.weights_url, detector.no_weights) == (40, "https://a/b.pth", None)
    assert (segmentor.params, segmentor.weights_url) == (30, None)
    assert segmentor.no_weights == "no address of a file is known here"
    assert [card.kind for card in cards.values()] == [
        *["classification"] * 2,
        "detection",
        "segmentation",
    ]
    assert detector.licence == "MIT"
    assert detector.paper == "Mask R-CNN (ICCV 2017), arXiv 1703.06870; P"


@pytest.mark.parametrize(
    ("dense", "mistake"),
    [
        ("{mask_rcnn: {}}", "first.mask_rcnn.params: Field required"),
        ("{mask_rcnn: {params: -1}}", "first.mask_rcnn.params: Input should be greater than 0"),
        ("{retinanet: {params: 1}}", "first.retinanet: Extra inputs are not permitted"),
    ],
)
def test_mistakes_name_file_and_key(tmp_path: Path, dense: str, mistake: str) -> None:
    with pytest.raises(UserError) as raised:
        read.every_model(write(tmp_path, dense))
    assert str(raised.value) == f"{tmp_path / 'family.yaml'}: {mistake}"

"""The data set and the pipelines of mmsegmentation for ADE20K, and how its models are tested."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.spec.card import Layout
from bench.spec.cell import Scales, Windows

RATIOS = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
CROP_PX, STRIDE_PX = 512, 341
SLIDE = {"mode": "slide", "crop_size": (CROP_PX, CROP_PX), "stride": (STRIDE_PX, STRIDE_PX)}


def images_of(images: Path, labels: Path, layout: Layout, scale: tuple[int, int], scales: Scales) -> Any:
    """Return mmsegmentation's data set of the files, with the pipeline of its configuration for ADE20K.

    At a single scale images are resized to fit in `scale`, (longer, shorter) side in pixels. At several,
    they are resized by `RATIOS` of their own size, which is what mmsegmentation 1.x does, each also mirrored.
    Labels keep their size, and 0 becomes the label that does not count.
    """
    from mmengine.registry import DefaultScope  # noqa: PLC0415 (once OpenMMLab is mended)
    from mmseg.datasets import ADE20KDataset  # noqa: PLC0415

    with DefaultScope.overwrite_default_scope("mmseg"):
        return ADE20KDataset(
            img_suffix=layout.image_suffix,
            data_prefix={"img_path": str(images), "seg_map_path": str(labels)},
            pipeline=_single(scale) if scales == "single" else _several(),
            test_mode=True,
        )


def _single(scale: tuple[int, int]) -> list[dict[str, Any]]:
    return [
        {"type": "LoadImageFromFile"},
        {"type": "Resize", "scale": scale, "keep_ratio": True},
        {"type": "LoadAnnotations"},
        {"type": "PackSegInputs"},
    ]


def _several() -> list[dict[str, Any]]:
    resized = [{"type": "Resize", "scale_factor": ratio, "keep_ratio": True} for ratio in RATIOS]
    mirrored = [{"type": "RandomFlip", "prob": prob, "direction": "horizontal"} for prob in (0.0, 1.0)]
    transforms = [resized, mirrored, [{"type": "LoadAnnotations"}], [{"type": "PackSegInputs"}]]
    return [{"type": "LoadImageFromFile"}, {"type": "TestTimeAug", "transforms": transforms}]


def tested(model: Any, scales: Scales, windows: Windows) -> Any:
    """Return the segmentor as it is tested; `auto` leaves the windows of its own configuration."""
    from mmengine.config import ConfigDict  # noqa: PLC0415
    from mmseg.models import SegTTAModel  # noqa: PLC0415

    if windows == "whole":
        model.test_cfg = ConfigDict(mode="whole")
    elif windows == "slide":
        model.test_cfg = ConfigDict(SLIDE)
    return model if scales == "single" else SegTTAModel(module=model)

"""The data set and the pipeline of mmdet for COCO, and its detections as COCO results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.machine.dense_data import DensePlace

Detection = dict[str, Any]


def images_of(place: DensePlace, scale: tuple[int, int]) -> Any:
    """Return mmdet's data set of all images, with the pipeline of its configuration for COCO.

    Images are resized to fit in `scale`, (longer, shorter) side in pixels; the detector pads them to
    multiples of 32. Labels are not loaded: what counts is the annotation file.
    """
    from mmdet.datasets import CocoDataset  # noqa: PLC0415 (once OpenMMLab is mended)
    from mmengine.registry import DefaultScope  # noqa: PLC0415

    with DefaultScope.overwrite_default_scope("mmdet"):
        return CocoDataset(
            ann_file=str(place.labels),
            data_prefix={"img": str(place.images)},
            pipeline=[
                {"type": "LoadImageFromFile"},
                {"type": "Resize", "scale": scale, "keep_ratio": True},
                {
                    "type": "PackDetInputs",
                    "meta_keys": ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor"),
                },
            ],
            test_mode=True,
        )


def detections(sample: Any, category_ids: Sequence[int]) -> list[Detection]:
    """Return what was found in one image, as entries of a COCO results file."""
    from mmdet.structures.mask import encode_mask_results  # noqa: PLC0415

    found = sample.pred_instances
    masks = encode_mask_results(found.masks.cpu().numpy())
    return [
        {
            "image_id": sample.img_id,
            "category_id": category_ids[label],
            "bbox": [left, top, right - left, bottom - top],
            "score": score,
            "segmentation": {"size": [int(side) for side in mask["size"]], "counts": mask["counts"].decode()},
        }
        for (left, top, right, bottom), label, score, mask in zip(
            found.bboxes.tolist(), found.labels.tolist(), found.scores.tolist(), masks, strict=True
        )
    ]

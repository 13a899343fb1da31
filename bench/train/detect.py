"""What a detector learns: boxes, classes and masks of the objects of scenes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.metrics.coco_ap import scores
from bench.sets.coco_classes import CATEGORY_IDS, NAMES
from bench.tasks.detection.pipeline import detections
from bench.train.scene_batches import SceneBatches, Views

LEAST_PX = 40
"""An object of which a view shows fewer pixels is left out."""
EVALUATED = 20


class Detection:
    """Views of scenes as mmdet's samples, and the loss of a detector.

    Attributes:
        steps: batches of an epoch.
        metric: name of what `score` returns.

    """

    metric = "box_ap_percent"

    def __init__(self, scenes: SceneBatches) -> None:
        self._scenes, self.steps = scenes, scenes.steps

    def begin(self) -> None:
        """Draw the order of an epoch."""
        self._scenes.begin()

    def loss(self, model: nn.Module, step: int) -> Tensor:
        """Return the sum of mmdet's losses of a batch of random views."""
        views = self._scenes.batch(step)
        detector: Any = model
        total, _ = detector.parse_losses(detector.loss(views.images, samples(views)))
        loss: Tensor = total
        return loss

    def score(self, model: nn.Module) -> float:
        """Return the average precision of boxes in percent on the scenes for validation."""
        detector: Any = model
        document: dict[str, Any] = {
            "images": [],
            "annotations": [],
            "categories": [{"id": n, "name": name} for n, name in zip(CATEGORY_IDS, NAMES, strict=True)],
        }
        found: list[dict[str, Any]] = []
        for views in self._scenes.validation(EVALUATED):
            truth = samples(views, first=len(document["images"]))
            _describe(document, truth)
            for sample in detector.predict(views.images, truth, rescale=False):
                found += detections(sample, CATEGORY_IDS)
        ids = [image["id"] for image in document["images"]]
        return scores(document, found, ids, "faster-coco-eval").get("box_ap_percent", 0.0)


def boxes_of(masks: Tensor) -> Tensor:
    """Return the boxes (..., 4) around masks (..., h, w), right and bottom excluded; zeros for empty ones."""
    spans = []
    for axis in (-2, -1):
        inside = masks.any(dim=axis)
        places = torch.arange(inside.shape[-1], device=masks.device)
        first = torch.where(inside, places, inside.shape[-1]).amin(dim=-1)
        last = torch.where(inside, places + 1, 0).amax(dim=-1)
        spans.append((first.minimum(last), last))
    (left, right), (top, bottom) = spans
    return torch.stack((left, top, right, bottom), dim=-1).float()


def samples(views: Views, first: int = 0) -> list[Any]:
    """Return mmdet's samples of a batch: what every picture shows, numbered from `first`."""
    from mmdet.structures import DetDataSample  # noqa: PLC0415 (once OpenMMLab is mended)
    from mmdet.structures.mask import BitmapMasks  # noqa: PLC0415
    from mmengine.structures import InstanceData  # noqa: PLC0415

    numbers = torch.arange(1, views.labels.shape[1] + 1, device=views.owner.device)
    masks = views.owner[:, None] == numbers[:, None, None]
    boxes = boxes_of(masks)
    # one way from the device for all of them
    kept = ((masks.sum(dim=(2, 3)) >= LEAST_PX) & (views.labels >= 0)).cpu().numpy()
    bitmaps = masks.to(torch.uint8).cpu().numpy()
    sizes = views.sizes.tolist()
    height, width = views.owner.shape[1:]
    found = []
    for number, rows in enumerate(kept):
        chosen = np.flatnonzero(rows)
        index = torch.from_numpy(chosen).to(boxes.device)
        sample = DetDataSample(
            metainfo={
                "img_id": first + number,
                "img_shape": tuple(sizes[number]),
                "ori_shape": tuple(sizes[number]),
                "pad_shape": (height, width),
                "batch_input_shape": (height, width),
                "scale_factor": (1.0, 1.0),
            }
        )
        sample.gt_instances = InstanceData(
            bboxes=boxes[number, index],
            labels=views.labels[number, index],
            masks=BitmapMasks(bitmaps[number, chosen], height, width),
        )
        found.append(sample)
    return found


def _describe(document: dict[str, Any], truth: list[Any]) -> None:
    """Enter what pictures show into a COCO file."""
    from pycocotools import mask as run_lengths  # noqa: PLC0415 (comes with OpenMMLab)

    for sample in truth:
        height, width = sample.batch_input_shape
        document["images"].append({"id": sample.img_id, "height": height, "width": width})
        shown = sample.gt_instances
        for box, label, mask in zip(
            shown.bboxes.tolist(), shown.labels.tolist(), shown.masks.masks, strict=True
        ):
            left, top, right, bottom = box
            packed = run_lengths.encode(np.asfortranarray(mask))
            document["annotations"].append(
                {
                    "id": len(document["annotations"]) + 1,
                    "image_id": sample.img_id,
                    "category_id": CATEGORY_IDS[label],
                    "bbox": [left, top, right - left, bottom - top],
                    "area": int(mask.sum()),
                    "iscrowd": 0,
                    "segmentation": {"size": packed["size"], "counts": packed["counts"].decode()},
                }
            )

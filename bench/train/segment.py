"""What a segmentor learns: the class of every pixel of scenes."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, nn

from bench.metrics.confusion import confusion, mean_iou_percent
from bench.train.pictures import PADDING
from bench.train.scene_batches import SceneBatches

EVALUATED = 20


class Segmentation:
    """Views of scenes as mmsegmentation's samples, and the loss of a segmentor.

    Attributes:
        steps: batches of an epoch.
        metric: name of what `score` returns.

    """

    metric = "miou_percent"

    def __init__(self, scenes: SceneBatches) -> None:
        self._scenes, self.steps = scenes, scenes.steps

    def begin(self) -> None:
        """Draw the order of an epoch."""
        self._scenes.begin()

    def loss(self, model: nn.Module, step: int) -> Tensor:
        """Return the sum of mmsegmentation's losses of a batch of random views."""
        from mmengine.structures import PixelData  # noqa: PLC0415 (once OpenMMLab is mended)
        from mmseg.structures import SegDataSample  # noqa: PLC0415

        views = self._scenes.batch(step)
        samples = []
        for labels in views.semantic:
            sample = SegDataSample(metainfo={"img_shape": tuple(labels.shape)})
            sample.gt_sem_seg = PixelData(data=labels[None])
            samples.append(sample)
        segmentor: Any = model
        total, _ = segmentor.parse_losses(segmentor.loss(views.images, samples))
        loss: Tensor = total
        return loss

    def score(self, model: nn.Module) -> float:
        """Return the mean intersection over union in percent on the scenes for validation."""
        segmentor: Any = model
        counts: Any = 0
        for views in self._scenes.validation(EVALUATED):
            metas = [{"img_shape": tuple(views.images.shape[2:])}] * len(views.images)
            scores = segmentor.encode_decode(views.images, metas)
            predicted = scores.argmax(dim=1).cpu().numpy().astype(np.int64)
            labels = views.semantic.cpu().numpy()
            inside = labels != PADDING
            counts = counts + confusion(predicted[inside], labels[inside], scores.shape[1])
        return mean_iou_percent(counts)

"""A detector or segmentor made ready for a cell, and run on one image at a time."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import nn

from bench.spec.cell import Precision
from bench.spec.errors import Unsupported
from bench.spec.job import Job
from bench.tasks import forward


def refuse_cast(precision: Precision) -> None:
    """Raise `Unsupported` for bf16 and fp16, to which pre- and post-processing cannot be cast."""
    if precision in forward.CAST:
        raise Unsupported(
            f"detectors and segmentors cannot be cast to {precision} as a whole; "
            f"set `precisions` to amp_{precision}"
        )


class Predictor:
    """A model of OpenMMLab on the device and in the precision of a cell.

    Raises `Unsupported` for bf16 and fp16, to which the models' own preprocessing cannot be cast.
    """

    def __init__(self, model: nn.Module, tested: Any, job: Job) -> None:
        refuse_cast(job.cell.precision)
        self._device = torch.device(job.device)
        forward.prepare(model, job.cell, self._device)
        self._tested, self._dtype = tested, forward.AUTOCAST.get(job.cell.precision)

    def predict(self, data: Any) -> Any:
        """Return the data sample of one image, with what was predicted, as mmengine's `Runner` would."""
        from mmengine.dataset import pseudo_collate  # noqa: PLC0415 (once OpenMMLab is mended)

        autocast = (
            nullcontext() if self._dtype is None else torch.autocast(self._device.type, dtype=self._dtype)
        )
        with torch.inference_mode(), autocast:
            (sample,) = self._tested.test_step(pseudo_collate([data]))
        return sample

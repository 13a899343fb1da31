"""A detector or segmentor as it is timed: the whole of it, and the same without post-processing.

Where the line is:

- The *whole* is the model's own `predict`, from an image on the device, already normalised and padded, to
  what an evaluator takes: boxes, labels and masks of the size of the image (Mask R-CNN), or a class for every
  pixel (UperNet). All stays on the device; nothing is encoded, written or scored.
- *Without post-processing* is what of this computes features and raw numbers: backbone, neck and heads.
  Left out of a detector: decoding boxes from offsets, choosing proposals and detections
  (thresholds, sorting, non-maximum suppression), and pasting masks into the image. Its box and mask heads
  still cut their regions out of the maps: those that the whole detector gave them for the same image.
  Left out of a segmentor: bringing scores to the size of the image and the maximum over classes. One that is
  tested in overlapping windows is shown the same windows in both.

So the second is a part of the first, with the same regions and windows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

CANDIDATES = 1000
"""Pairs of region and class that a detector with random weights is made to choose its detections from."""


@dataclass(frozen=True)
class Seen:
    """What the parts of a model were shown while all of it ran on one image, and how much was found.

    `inputs` are the regions (n, 5) of a detector's box head and mask head, or the windows of a segmentor.
    """

    inputs: tuple[Tensor, ...]
    counts: Mapping[str, int] = field(default_factory=dict)


class Passes(ABC):
    """Both passes of a model in evaluation; images are (1, 3, h, w), normalised."""

    def __init__(self, model: nn.Module) -> None:
        self._model: Any = model

    @abstractmethod
    def whole(self, image: Tensor) -> Any:
        """Return the data sample of an image with what was predicted."""

    @abstractmethod
    def network(self, image: Tensor, seen: Seen) -> dict[str, Tensor]:
        """Return the raw numbers of all heads by name, for what the whole model was `seen` to show them."""

    def expected(self, image: Tensor, seen: Seen, _computed_in: torch.dtype) -> dict[str, Tensor]:
        """Return what `network` should give that computes in a number format, computed as things stand."""
        return self.network(image, seen)

    @abstractmethod
    def look(self, image: Tensor) -> Seen:
        """Run all of the model once and note what its parts are shown."""

    def settings(self) -> dict[str, float | str]:
        """Return what of the test settings decides how much work post-processing has."""
        return {}


class DetectorPasses(Passes):
    """Passes of mmdet's two-stage detectors with masks."""

    def whole(self, image: Tensor) -> Any:
        """Return the data sample of an image with boxes, labels, scores and masks (n, h, w)."""
        from mmdet.structures import DetDataSample  # noqa: PLC0415 (once OpenMMLab is mended)

        shape = tuple(image.shape[-2:])
        about = {"img_shape": shape, "ori_shape": shape, "pad_shape": shape, "scale_factor": (1.0, 1.0)}
        (sample,) = self._model.predict(image, [DetDataSample(metainfo=about)])
        return sample

    def network(self, image: Tensor, seen: Seen) -> dict[str, Tensor]:
        """Return scores and offsets of the anchors of every map, then those of the regions, then masks."""
        heads = self._model.roi_head
        maps = self._model.extract_feat(image)
        scores, offsets = self._model.rpn_head(maps)
        found = {f"anchor_scores_{level}": each for level, each in enumerate(scores)}
        found |= {f"anchor_offsets_{level}": each for level, each in enumerate(offsets)}
        regions, detected = seen.inputs
        if len(regions):
            boxes = heads._bbox_forward(maps, regions)
            found |= {"class_scores": boxes["cls_score"], "box_offsets": boxes["bbox_pred"]}
        if len(detected):
            found["masks"] = heads._mask_forward(maps, detected)["mask_preds"]
        return found

    def expected(self, image: Tensor, seen: Seen, computed_in: torch.dtype) -> dict[str, Tensor]:
        """As `network`, for regions with corners and sizes of a number format.

        mmdet rounds the corners to that of the maps (in half precision to whole pixels beyond 1024), and
        chooses the map of a region by an area in it, which in half precision is infinite from 256 x 256 on.
        Both change what is cut out by more than all rounding of the network does.
        """
        rounded = tuple(regions.to(computed_in).to(regions.dtype) for regions in seen.inputs)
        heads = self._model.roi_head
        with ExitStack() as stack:
            # they may share one
            for extractor in {heads.bbox_roi_extractor, heads.mask_roi_extractor}:
                stack.enter_context(_levels_chosen_in(computed_in, extractor))
            return self.network(image, Seen(rounded, seen.counts))

    def look(self, image: Tensor) -> Seen:
        """Run all of the detector once and note its regions; counts are proposals, candidates, detections."""
        heads = self._model.roi_head
        with _noted(heads, "_bbox_forward") as boxes, _noted(heads, "_mask_forward") as masks:
            sample = self.whole(image)
        # a head that has no region is not asked
        regions, detected = (_regions(calls, image) for calls in (boxes, masks))
        scores = _class_scores(boxes)
        counts = {
            "proposals": len(regions),
            "candidates": int((scores > heads.test_cfg.score_thr).sum()),
            "detections": len(sample.pred_instances),
        }
        return Seen((regions, detected), counts)

    def fill(self, image: Tensor) -> None:
        """Lower the score from which a detection counts, so far that about `CANDIDATES` of an image do.

        With random weights no class of a region comes near the published threshold: nothing would be
        suppressed, and the mask head would never run. A threshold that lets through more already stays.
        """
        heads = self._model.roi_head
        with _noted(heads, "_bbox_forward") as boxes:
            self.whole(image)
        scores = _class_scores(boxes)
        if len(scores) > CANDIDATES:
            least = float(torch.topk(scores, CANDIDATES + 1).values[-1])
            heads.test_cfg.score_thr = min(heads.test_cfg.score_thr, least)
        else:
            heads.test_cfg.score_thr = 0.0

    def settings(self) -> dict[str, float | str]:
        """Return the score from which a detection counts."""
        return {"score_threshold": float(self._model.roi_head.test_cfg.score_thr)}


class SegmentorPasses(Passes):
    """Passes of mmsegmentation's encoder-decoders."""

    def whole(self, image: Tensor) -> Any:
        """Return the data sample of an image with scores (classes, h, w) and classes (1, h, w)."""
        from mmseg.structures import SegDataSample  # noqa: PLC0415 (once OpenMMLab is mended)

        shape = tuple(image.shape[-2:])
        about = {"img_shape": shape, "ori_shape": shape, "pad_shape": shape, "padding_size": [0] * 4}
        (sample,) = self._model.predict(image, [SegDataSample(metainfo=about)])
        return sample

    def network(self, image: Tensor, seen: Seen) -> dict[str, Tensor]:
        """Return the scores (1, classes, h / 4, w / 4) of every window."""
        del image
        return {f"window_{number}": self._model._forward(at) for number, at in enumerate(seen.inputs)}

    def look(self, image: Tensor) -> Seen:
        """Run all of the segmentor once and note its windows, views of the image."""
        # the scores of every window, kept to the end, would count as memory of the network
        with _noted(self._model, "encode_decode", lambda given, _: given) as calls:
            self.whole(image)
        return Seen(tuple(given[0] for given in calls), {"windows": len(calls)})

    def settings(self) -> dict[str, float | str]:
        """Return whether it is shown whole images or windows of them."""
        return {"tested_in": "windows" if self._model.test_cfg.mode == "slide" else "whole images"}


@contextmanager
def _noted(
    owner: Any, method: str, kept: Callable[[tuple[Any, ...], Any], Any] = lambda *call: call
) -> Iterator[list[Any]]:
    """Within, collect what a method of an object is given and what it returns, or what is `kept` of both."""
    calls: list[Any] = []
    own = getattr(owner, method)

    def note(*given: Any) -> Any:
        found = own(*given)
        calls.append(kept(given, found))
        return found

    setattr(owner, method, note)
    try:
        yield calls
    finally:
        delattr(owner, method)


@contextmanager
def _levels_chosen_in(computed_in: torch.dtype, extractor: Any) -> Iterator[None]:
    """Within, regions (n, 5) choose their maps by sizes in a number format, as they do under autocast."""
    own = extractor.map_roi_levels

    def choose(regions: Tensor, levels: int) -> Any:
        autocast = torch.autocast(regions.device.type, computed_in, enabled=computed_in != torch.float32)
        with autocast:
            return own(regions.to(computed_in), levels)

    extractor.map_roi_levels = choose
    try:
        yield
    finally:
        del extractor.map_roi_levels


def _regions(calls: list[tuple[tuple[Any, ...], Any]], image: Tensor) -> Tensor:
    if not calls:
        return image.new_zeros((0, 5))
    ((_, regions), _), *_ = calls
    found: Tensor = regions
    return found


def _class_scores(calls: list[tuple[tuple[Any, ...], Any]]) -> Tensor:
    """Return the score of every pair of region and class, background left out."""
    if not calls:
        return torch.zeros(0)
    (_, found), *_ = calls
    scores: Tensor = found["cls_score"].float().softmax(dim=-1)[:, :-1].flatten()
    return scores

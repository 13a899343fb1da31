"""What of a detector or segmentor the published MACs are counted of, as a network from an image to numbers.

The convention is that of the tools of mmdet and mmsegmentation (the mode `tensor` of their models), which
the papers used: a detector runs its box head on 1000 proposals and its mask head on 100 of them, whatever
the image shows; a segmentor runs without its auxiliary head. What depends on values (non-maximum
suppression, cutting regions out of the maps) costs no multiply-accumulates there and is left out
here, so that a network can be counted without memory behind its weights.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

PROPOSALS = 1000
MASKS = 100
MODULE = "model"
"""What the detector or segmentor is called in a counted network."""

COUNTED = (
    f"of a detector with {PROPOSALS} regions for the box head and {MASKS} for the mask head, of a segmentor "
    "without the auxiliary head, as the tools of mmdet and mmsegmentation count"
)


class CountedDetector(nn.Module):
    """Backbone, pyramid and proposals for the image, and the heads for a fixed number of regions."""

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        self.model: Any = detector

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return scores and offsets of the anchors of every level and of the regions, and their masks."""
        scores, offsets = self.model.rpn_head(self.model.extract_feat(image))
        heads = self.model.roi_head
        boxes = heads.bbox_head(_regions(image, heads.bbox_roi_extractor, PROPOSALS))
        masks: Tensor = heads.mask_head(_regions(image, heads.mask_roi_extractor, MASKS))
        return (*scores, *offsets, *boxes, masks)


class CountedSegmentor(nn.Module):
    """Backbone, neck where there is one, and the head that decides."""

    def __init__(self, segmentor: nn.Module) -> None:
        super().__init__()
        self.model: Any = segmentor

    def forward(self, image: Tensor) -> Tensor:
        """Return scores (b, classes, h, w) at the stride of the finest map."""
        scores: Tensor = self.model.decode_head(self.model.extract_feat(image))
        return scores


def counted(model: nn.Module) -> nn.Module:
    """Return what is counted of a detector (it has proposals) or a segmentor."""
    return CountedDetector(model) if hasattr(model, "rpn_head") else CountedSegmentor(model)


def _regions(image: Tensor, extractor: Any, count: int) -> Tensor:
    height, width = extractor.roi_layers[0].output_size
    return image.new_zeros((count, extractor.out_channels, height, width))

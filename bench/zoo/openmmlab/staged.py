"""Networks of timm as backbones: their stem and stages, and a norm on the map of every stage."""

from __future__ import annotations

from typing import Any

import timm
from torch import Tensor, nn

from bench.zoo.reduced_source import REDUCED, build


class StagedBackbone(nn.Module):
    """Stem and stages of a network of timm, with a layer norm on the map of every stage.

    The norms are the only entries that the classifier does not have, the classifier's head the only ones
    that are left out.

    Attributes:
        channels: width of every map it returns; their strides are 4, 8, 16 and 32.

    """

    def __init__(self, ref: str, norm: str, *, eps: float, channels_last: bool) -> None:
        super().__init__()
        model: Any = _classifier(ref)
        self.stem, self.stages = model.stem, model.stages
        self.channels = tuple(info["num_chs"] for info in model.feature_info)
        self._norm, self._channels_last = norm, channels_last
        for stage, width in enumerate(self.channels):
            self.add_module(f"{norm}{stage}", nn.LayerNorm(width, eps=eps))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return four maps (b, c, h, w), normalised, contiguous."""
        x, maps = self.stem(image), []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            x_bhwc = x if self._channels_last else x.permute(0, 2, 3, 1)
            normed_bhwc: Tensor = self.get_submodule(f"{self._norm}{index}")(x_bhwc)
            maps.append(normed_bhwc.permute(0, 3, 1, 2).contiguous())
        return tuple(maps)


def _classifier(ref: str) -> nn.Module:
    if ref in REDUCED:
        return build(ref, num_classes=0)
    model: nn.Module = timm.create_model(ref, pretrained=False, num_classes=0)
    return model


def mambaout(ref: str) -> nn.Module:
    """Return MambaOut with norms on its outputs.

    They were added for detection and segmentation by its authors (yuweihao/MambaOut issue 251), whose code is
    not published: the names are ours, after those of VMamba.
    """
    return StagedBackbone(ref, "outnorm", eps=1e-6, channels_last=True)


def convnext(ref: str) -> nn.Module:
    """Return ConvNeXt with the norms of its published detectors and segmentors."""
    return StagedBackbone(ref, "norm", eps=1e-6, channels_last=False)

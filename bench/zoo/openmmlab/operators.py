"""`mmcv._ext` from torchvision: the compiled operators that Mask R-CNN and UperNet need, and no others.

mmcv's operators are a C++ extension that has no build for current torch; without it mmdet and
mmsegmentation cannot even be imported. `install` puts a module of this name in its place before
that. Its functions have the signatures that the Python half of mmcv calls.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Literal

import torch
import torchvision.ops  # type: ignore[import-untyped]
from torch import Tensor

from bench.machine.openmmlab import compiled_operators
from bench.spec.errors import Unsupported

NAME = "mmcv._ext"
Provider = Literal["compiled mmcv", "torchvision"]

AVERAGE = 1
"""What mmcv calls average pooling; 0 is the maximum."""


def install() -> Provider:
    """Say who serves mmcv's operators from now on: mmcv's own where it is compiled, else torchvision.

    A compiled mmcv that cannot be loaded, because it was built for another torch, counts as none.
    """
    loaded = sys.modules.get(NAME) or _compiled()
    if loaded is None:
        loaded = sys.modules[NAME] = StandIn()
    return "torchvision" if isinstance(loaded, StandIn) else "compiled mmcv"


def _compiled() -> ModuleType | None:
    if compiled_operators() is None:
        return None
    try:
        return import_module(NAME)
    except (ImportError, OSError):
        return None


class StandIn(ModuleType):
    """The module: three functions; asking for any other gives one that raises `Unsupported`."""

    def __init__(self) -> None:
        super().__init__(NAME, __doc__)
        # mmcv asks whether the module could be found
        self.__spec__ = ModuleSpec(NAME, loader=None)
        self.nms = nms
        self.roi_align_forward = roi_align_forward
        self.roi_align_backward = roi_align_backward

    def __getattr__(self, name: str) -> Callable[..., object]:
        if name.startswith("__"):
            raise AttributeError(name)
        return _refusal(name)


def _refusal(name: str) -> Callable[..., object]:
    def refuse(*_arguments: object, **_named: object) -> object:
        raise _unsupported(name)

    return refuse


def _unsupported(what: str) -> Unsupported:
    return Unsupported(
        f"mmcv's operator {what} is not among those that torchvision stands in for "
        "(nms, roi_align); this model needs an mmcv with compiled operators"
    )


def nms(boxes: Tensor, scores: Tensor, *, iou_threshold: float, offset: int) -> Tensor:
    """Return the indices (k) of the `boxes` (n, 4) that stay, by falling score.

    Boxes are corners x1, y1, x2, y2 in any unit. `offset` 1, by which a box of one pixel has the
    width 1, was the rule of Caffe; torchvision has no such rule.
    """
    if offset != 0:
        raise _unsupported("nms with offset 1")
    kept: Tensor = torchvision.ops.nms(_wide(boxes), _wide(scores), iou_threshold)
    return kept


def roi_align_forward(  # noqa: PLR0913 (the signature is mmcv's)
    images: Tensor,
    rois: Tensor,
    output: Tensor,
    _argmax_y: Tensor,
    _argmax_x: Tensor,
    *,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Fill `output` (k, c, h, w) with the maps `images` (b, c, H, W) in the boxes `rois` (k, 5).

    A box is its image's number and its corners; `spatial_scale` are cells of the map per unit of them.
    """
    if pool_mode != AVERAGE:
        raise _unsupported("roi_align with max pooling")
    size = (spatial_scale, aligned_height, aligned_width, sampling_ratio, aligned)
    output.copy_(torch.ops.torchvision.roi_align(_wide(images), _wide(rois), *size))


def roi_align_backward(  # noqa: PLR0913 (the signature is mmcv's)
    grad_output: Tensor,
    rois: Tensor,
    _argmax_y: Tensor,
    _argmax_x: Tensor,
    grad_input: Tensor,
    *,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Fill `grad_input` (b, c, H, W) with the gradient for the maps, from `grad_output` (k, c, h, w)."""
    if pool_mode != AVERAGE:
        raise _unsupported("roi_align with max pooling")
    size = (spatial_scale, aligned_height, aligned_width, *grad_input.shape, sampling_ratio, aligned)
    grad_input.copy_(torch.ops.torchvision._roi_align_backward(_wide(grad_output), _wide(rois), *size))


def _wide(value: Tensor) -> Tensor:
    # torchvision has no half precision on CPUs, and sums bfloat16 nowhere
    return value if value.dtype in {torch.float32, torch.float64} else value.float()

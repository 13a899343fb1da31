"""The four-stage trunk of VMamba and LocalVMamba (VMamba, Liu et al. 2024, figure 3).

Maps are channels-last, (b, h, w, c), between layers. Entry names are those of the released files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.nets.layers import DropPath, LayerNorm, Mlp, Permute

Mixer = Callable[[int, int, int], nn.Module]
"""Makes the mixer of a block: model width, stage, block in the stage."""


@dataclass(frozen=True)
class HierarchyConfig:
    """One model of the family.

    Attributes:
        depths: blocks per stage.
        width: model width of the first stage; each later stage doubles it.
        states: states per channel of the scan.
        ratio: inner width of the mixer over model width.
        conv_bias: whether the depthwise convolution of the mixer has a bias.
        gated: whether the mixer has a gate branch.
        mlp_ratio: hidden width of the MLP over model width; 0 for blocks without MLP.
        stem: `v1` is one 4x4 convolution, `v2` two 3x3 convolutions.
        downsample: `v1` merges 2x2 patches, `v3` is a 3x3 convolution.
        drop_path_rate: rate of the last block while training; it rises linearly from 0.

    """

    depths: tuple[int, ...]
    width: int
    states: int
    ratio: float
    conv_bias: bool
    gated: bool
    mlp_ratio: float
    stem: Literal["v1", "v2"]
    downsample: Literal["v1", "v3"]
    drop_path_rate: float

    @property
    def widths(self) -> tuple[int, ...]:
        """Model width of every stage."""
        return tuple(self.width * 2**stage for stage in range(len(self.depths)))


def make_stem(version: Literal["v1", "v2"], width: int) -> nn.Sequential:
    """Return the patch embedding, (b, 3, H, W) to (b, h, w, c), stride 4."""
    last, first = Permute(0, 2, 3, 1), Permute(0, 3, 1, 2)
    if version == "v1":
        return nn.Sequential(nn.Conv2d(3, width, 4, stride=4), last, LayerNorm(width))
    half = width // 2
    return nn.Sequential(
        nn.Conv2d(3, half, 3, stride=2, padding=1),
        last,
        LayerNorm(half, narrow=True),
        first,
        nn.GELU(),
        nn.Conv2d(half, width, 3, stride=2, padding=1),
        last,
        LayerNorm(width),
    )


class PatchMerging(nn.Module):
    """Downsampling v1: the four sub-grids side by side, normalised, projected (Swin, Liu et al. 2021)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = LayerNorm(4 * width, narrow=True)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x_bhwc: Tensor) -> Tensor:
        """Return (b, ceil(h / 2), ceil(w / 2), 2c); odd grids get a zero row or column at their end."""
        height, width = x_bhwc.shape[1:3]
        x = functional.pad(x_bhwc, (0, 0, 0, width % 2, 0, height % 2))
        parts = [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        y: Tensor = self.reduction(self.norm(torch.cat(parts, dim=-1)))
        return y


def make_downsample(version: Literal["v1", "v3"], width: int) -> nn.Module:
    """Return the layer between two stages: half the grid (rounded up), twice the width."""
    if version == "v1":
        return PatchMerging(width)
    return nn.Sequential(
        Permute(0, 3, 1, 2),
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
        Permute(0, 2, 3, 1),
        LayerNorm(2 * width),
    )


class Block(nn.Module):
    """x + op(norm(x)), then x + mlp(norm2(x)) where there is an MLP."""

    def __init__(self, width: int, op: nn.Module, mlp_ratio: float, drop_path_rate: float) -> None:
        super().__init__()
        self.norm = LayerNorm(width, narrow=True)
        self.op = op
        self.drop_path = DropPath(drop_path_rate)
        self.has_mlp = mlp_ratio > 0
        if self.has_mlp:
            self.norm2 = LayerNorm(width, narrow=True)
            self.mlp = Mlp(width, int(width * mlp_ratio))

    def forward(self, x_bhwc: Tensor) -> Tensor:
        """Return the map after this block, same shape."""
        x: Tensor = x_bhwc + self.drop_path(self.op(self.norm(x_bhwc)))
        if self.has_mlp:
            x = x + self.drop_path(self.mlp(self.norm2(x)))
        return x


class Stage(nn.Module):
    """The blocks of one stage and, but for the last stage, the downsampling at its end."""

    def __init__(self, blocks: Sequence[Block], downsample: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.downsample = downsample


class Trunk(nn.Module):
    """Stem and stages."""

    def __init__(self, config: HierarchyConfig, mixer: Mixer) -> None:
        super().__init__()
        count = sum(config.depths)
        rates = iter([config.drop_path_rate * block / max(count - 1, 1) for block in range(count)])
        self.channels = config.widths
        self.patch_embed = make_stem(config.stem, config.width)
        self.layers = nn.ModuleList()
        for stage, (depth, width) in enumerate(zip(config.depths, config.widths, strict=True)):
            blocks = [
                Block(width, mixer(width, stage, index), config.mlp_ratio, next(rates))
                for index in range(depth)
            ]
            last = stage == len(config.depths) - 1
            self.layers.append(
                Stage(blocks, nn.Identity() if last else make_downsample(config.downsample, width))
            )

    def stages(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return the maps (b, h, w, c) after the blocks of every stage, before its downsampling."""
        if image.is_cuda:
            # so that convolutions give the layout that the norms read
            image = image.contiguous(memory_format=torch.channels_last)
        x, maps = self.patch_embed(image), []
        for layer in self.layers.children():
            maps.append(layer.get_submodule("blocks")(x))
            x = layer.get_submodule("downsample")(maps[-1])
        return tuple(maps)

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return the maps of `stages` as (b, c, h, w), contiguous, without any norm."""
        return tuple(x.permute(0, 3, 1, 2).contiguous() for x in self.stages(image))


class Head(nn.Module):
    """Normalise every token, average, classify (in this order)."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.norm = LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, x_bhwc: Tensor) -> Tensor:
        """Return logits (b, classes)."""
        logits: Tensor = self.head(self.norm(x_bhwc).mean(dim=(1, 2)))
        return logits


class Classifier(Trunk):
    """Trunk and head; takes images of any size that leaves at least one token."""

    def __init__(self, config: HierarchyConfig, mixer: Mixer, *, classes: int) -> None:
        super().__init__(config, mixer)
        self.classifier = Head(self.channels[-1], classes)
        initialise(self)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (b, classes) of `image` (b, 3, H, W)."""
        logits: Tensor = self.classifier(self.stages(image)[-1])
        return logits


class Backbone(Trunk):
    """Trunk with a norm on each chosen stage output, for dense prediction.

    Attributes:
        channels: width of every map it returns.
        strides: pixels of the image per token of every map it returns.

    """

    def __init__(self, config: HierarchyConfig, mixer: Mixer, *, out_indices: Sequence[int]) -> None:
        super().__init__(config, mixer)
        self.out_indices = tuple(out_indices)
        for index in self.out_indices:
            self.add_module(f"outnorm{index}", LayerNorm(config.widths[index]))
        self.channels = tuple(config.widths[index] for index in self.out_indices)
        self.strides = tuple(4 * 2**index for index in self.out_indices)
        initialise(self)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return one map (b, c, h, w) per chosen stage, normalised, contiguous."""
        maps = self.stages(image)
        normed = [self.get_submodule(f"outnorm{index}")(maps[index]) for index in self.out_indices]
        return tuple(x.permute(0, 3, 1, 2).contiguous() for x in normed)


def initialise(net: nn.Module) -> None:
    """Draw the linear layers from a truncated normal, std 0.02, biases 0; all else keeps its start."""
    for module in net.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)

"""Four strides out of one: the feature pyramid of Vim's segmentors."""

from __future__ import annotations

from torch import Tensor, nn

PARTS = ("fpn1", "fpn2", "fpn3", "fpn4")


class VimPyramid(nn.Module):
    """Takes four maps of stride 16 to the strides 4, 8, 16 and 32, each by a layer of its own.

    Published inside the backbone (hustvl/Vim at dd0358a, with patches of 16), here a neck; the
    entries have the same names otherwise. Batch norm, which is synchronised there, is the same function
    in evaluation.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fpn1 = nn.Sequential(_double(width), nn.BatchNorm2d(width), nn.GELU(), _double(width))
        self.fpn2 = nn.Sequential(_double(width))
        self.fpn3 = nn.Identity()
        self.fpn4 = nn.MaxPool2d(2, 2)

    def forward(self, maps: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return four maps (b, c, h, w), finest first."""
        return tuple(self.get_submodule(part)(x) for part, x in zip(PARTS, maps, strict=True))


def _double(width: int) -> nn.Module:
    return nn.ConvTranspose2d(width, width, 2, stride=2)

"""Random views of scenes with their labels, a whole batch at a time on the device where they lie."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from bench.shapes import MATERIALS
from bench.spec.card import Layout
from bench.train import augment, pictures
from bench.train.recipe import DenseRecipe

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
"""Of the preprocessors of mmdet and mmsegmentation, red first."""


class Views(NamedTuple):
    """A batch as detectors and segmentors take it.

    Attributes:
        images: (b, 3, h, w), normalised, 0 outside of a picture.
        owner: (b, h, w), 0 or the number of an item from 1.
        ground: (b, h, w), the material of the ground; 255 outside of a picture.
        labels: (b, items), the class of every item; -1 where there is none.
        sizes: (b, 2), height and width of the picture on its canvas.

    """

    images: Tensor
    owner: Tensor
    ground: Tensor
    labels: Tensor
    sizes: Tensor

    @property
    def semantic(self) -> Tensor:
        """The class of every pixel (b, h, w): the materials first, then the shapes."""
        none = self.labels.new_zeros((len(self.labels), 1))
        classes = torch.cat((none, self.labels + len(MATERIALS)), dim=1)
        shapes = classes.gather(1, self.owner.flatten(1).long()).view_as(self.ground)
        return torch.where(self.owner > 0, shapes, self.ground.long())


class SceneBatches:
    """The scenes of a training, and those for validation.

    Attributes:
        steps: batches of an epoch.

    """

    def __init__(self, layout: Layout, recipe: DenseRecipe, device: torch.device, cache: Path) -> None:
        self._recipe, self._device = recipe, device
        self._mean = torch.tensor(MEAN, device=device)[:, None, None]
        self._std = torch.tensor(STD, device=device)[:, None, None]
        train = pictures.Scenes("train", recipe.train_images, *layout.scale)
        val = pictures.Scenes("val", recipe.val_images, *layout.scale)
        self._train, self._val = self._kept(train, cache), self._kept(val, cache)
        self.steps = recipe.steps
        self._order = torch.empty(0, dtype=torch.long)

    def _kept(self, wanted: pictures.Scenes, cache: Path) -> dict[str, Tensor]:
        arrays = pictures.load(wanted, cache)
        return {name: torch.from_numpy(array).to(self._device) for name, array in arrays.items()}

    def begin(self) -> None:
        """Draw the order of an epoch."""
        self._order = torch.randperm(len(self._train["labels"]), device=self._device)

    def batch(self, step: int) -> Views:
        """Return random views of the scenes of a batch."""
        chosen = self._order[step * self._recipe.batch : (step + 1) * self._recipe.batch]
        scenes = {name: values[chosen] for name, values in self._train.items()}
        return self._seen(scenes)

    def validation(self, count: int) -> list[Views]:
        """Return the scenes for validation as they are, `count` at a time."""
        parts = {name: values.split(count) for name, values in self._val.items()}
        batches = [dict(zip(parts, each, strict=True)) for each in zip(*parts.values(), strict=True)]
        return [self._whole(batch) for batch in batches]

    def _whole(self, scenes: dict[str, Tensor]) -> Views:
        images = self._normalised(scenes["pixels"].permute(0, 3, 1, 2).float(), scenes["ground"])
        return Views(images, scenes["owner"], scenes["ground"], scenes["labels"], scenes["sizes"])

    def _normalised(self, pixels: Tensor, ground: Tensor) -> Tensor:
        inside = (ground != pictures.PADDING)[:, None]
        return (pixels - self._mean) / self._std * inside

    def _seen(self, scenes: dict[str, Tensor]) -> Views:
        grid = self._grid(scenes["sizes"], scenes["owner"].shape[1:])
        pixels = scenes["pixels"].permute(0, 3, 1, 2).float()
        seen = functional.grid_sample(pixels, grid, mode="bilinear", align_corners=False)
        seen = augment.light(seen, self._recipe.brightness, self._recipe.contrast)
        # one is added, so that what lies outside is 0
        ground = _nearest(scenes["ground"].float() + 1, grid)
        ground = torch.where(ground == 0, pictures.PADDING + 1, ground) - 1
        owner = _nearest(scenes["owner"].float(), grid)
        return Views(
            self._normalised(seen, ground),
            owner.to(torch.uint8),
            ground.to(torch.uint8),
            scenes["labels"],
            torch.tensor(owner.shape[1:], device=self._device).expand(len(owner), 2),
        )

    def _grid(self, sizes: Tensor, canvas: torch.Size) -> Tensor:
        """Return where every pixel of the views is taken, (b, h, w, 2), for `grid_sample`.

        A view is as large as the canvas; the picture is turned about its middle, made larger or smaller
        and moved so that most of it stays on the canvas.
        """
        recipe, count, device = self._recipe, len(sizes), self._device
        height, width = canvas
        tilt = math.radians(recipe.tilt_degrees)
        halves = torch.randint(2, (count,), device=device) * math.pi
        angle = halves + augment.uniform(count, -tilt, tilt, device)
        zoom = augment.uniform(count, *recipe.zoom, device)
        sides = sizes.flip(1).float()
        full = torch.tensor([width, height], device=device, dtype=torch.float32)
        # where the middle of the picture comes to lie: anywhere that the whole picture fits, else the middle
        room = (full - sides * zoom[:, None]).clamp(min=0)
        middle = full / 2 + (torch.rand(count, 2, device=device) - 0.5) * room
        rows = torch.arange(height, device=device) + 0.5
        columns = torch.arange(width, device=device) + 0.5
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        offset = torch.stack((x, y), dim=-1)[None] - middle[:, None, None]
        cos, sin = (part[:, None, None] / zoom[:, None, None] for part in (angle.cos(), angle.sin()))
        turned = torch.stack(
            (cos * offset[..., 0] - sin * offset[..., 1], sin * offset[..., 0] + cos * offset[..., 1]), -1
        )
        return (turned + sides[:, None, None] / 2) / full * 2 - 1


def _nearest(values: Tensor, grid: Tensor) -> Tensor:
    """Return values (b, h, w) at the places of a grid; 0 outside."""
    return functional.grid_sample(values[:, None], grid, mode="nearest", align_corners=False)[:, 0].round()

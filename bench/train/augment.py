"""Random views of pictures, a whole batch at a time on the device where it lies.

Random numbers come from the generators of torch and Python as they stand.
"""

from __future__ import annotations

import math
import random
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from bench.train.recipe import ClassificationRecipe

MOST_ERASED = 0.4


class Mixed(NamedTuple):
    """Pictures (b, 3, h, w) and the share of every class in each (b, classes)."""

    pixels: Tensor
    shares: Tensor


def uniform(count: int, low: float, high: float, device: torch.device) -> Tensor:
    """Return random numbers (count,) between two limits."""
    return torch.rand(count, device=device) * (high - low) + low


def placed(angle: Tensor, size: Tensor, centre: Tensor) -> Tensor:
    """Return affine maps (b, 2, 3) from a view to where it is taken: scaled, turned, moved.

    `angle` (b,) in radians; `size` (b, 2) and `centre` (b, 2) are x and y, 1 being half a picture.
    """
    cos, sin = angle.cos(), angle.sin()
    rows = torch.stack((cos * size[:, 0], -sin * size[:, 1], sin * size[:, 0], cos * size[:, 1]), dim=1)
    return torch.cat((rows.view(-1, 2, 2), centre[:, :, None]), dim=2)


def crops(recipe: ClassificationRecipe, count: int, device: torch.device) -> Tensor:
    """Return maps (b, 2, 3) of random crops of squares, turned by quarters and a little more."""
    area = uniform(count, *recipe.crop_area, device)
    low, high = (math.log(limit) for limit in recipe.crop_ratio)
    ratio = uniform(count, low, high, device).exp()
    size = torch.stack(((area * ratio).sqrt(), (area / ratio).sqrt()), dim=1).clamp(max=1.0)
    centre = (torch.rand(count, 2, device=device) * 2 - 1) * (1 - size)
    quarters = torch.randint(4, (count,), device=device) * (math.pi / 2)
    tilt = math.radians(recipe.tilt_degrees)
    return placed(quarters + uniform(count, -tilt, tilt, device), size, centre)


def views(pixels_bhwc: Tensor, maps: Tensor, side: tuple[int, int]) -> Tensor:
    """Return views (b, 3, *side) of bytes (b, h, w, 3), 0 to 255, float32; borders are repeated."""
    images = pixels_bhwc.permute(0, 3, 1, 2).float()
    # no matrix product, which autocast and TF32 would round
    y, x = torch.meshgrid(*(_middles(length, maps.device) for length in side), indexing="ij")
    across, down, moved = (maps[:, None, None, :, part] for part in range(3))
    grid = across * x[:, :, None] + down * y[:, :, None] + moved
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _middles(length: int, device: torch.device) -> Tensor:
    """Return where pixels lie from -1 to 1."""
    return (torch.arange(length, device=device) * 2 + 1) / length - 1


def light(pixels: Tensor, brightness: float, contrast: float) -> Tensor:
    """Return pictures (b, 3, h, w), 0 to 255, lighter or darker and of more or less contrast."""
    count, device = len(pixels), pixels.device
    gain = uniform(count, 1 - contrast, 1 + contrast, device)[:, None, None, None]
    shift = uniform(count, -brightness, brightness, device)[:, None, None, None] * 255
    mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
    return ((pixels - mean) * gain + mean + shift).clamp(0, 255)


def erase(pixels: Tensor, chance: float) -> Tensor:
    """Return pictures (b, 3, h, w) with a rectangle set to 0 in some of them."""
    count, _, height, width = pixels.shape
    device = pixels.device
    sides = uniform(count, 0.1, MOST_ERASED, device), uniform(count, 0.1, MOST_ERASED, device)
    starts = tuple(torch.rand(count, device=device) * (1 - side) for side in sides)
    rows = (torch.arange(height, device=device) + 0.5) / height
    columns = (torch.arange(width, device=device) + 0.5) / width
    in_rows = (rows >= starts[0][:, None]) & (rows < (starts[0] + sides[0])[:, None])
    in_columns = (columns >= starts[1][:, None]) & (columns < (starts[1] + sides[1])[:, None])
    chosen = torch.rand(count, device=device) < chance
    hole = in_rows[:, :, None] & in_columns[:, None, :] & chosen[:, None, None]
    return pixels.masked_fill(hole[:, None], 0.0)


def mix(recipe: ClassificationRecipe, pixels: Tensor, shares: Tensor) -> Mixed:
    """Return the batch mixed with itself in another order.

    By Mixup (Zhang et al. 2018) or CutMix (Yun et al. 2019). Some batches stay as they are.
    """
    if random.random() >= recipe.mix:
        return Mixed(pixels, shares)
    other = torch.randperm(len(pixels), device=pixels.device)
    if random.random() < 0.5:
        kept = random.betavariate(recipe.mixup_alpha, recipe.mixup_alpha)
        mixed = pixels * kept + pixels[other] * (1 - kept)
    else:
        mixed, kept = _cut(pixels, other, random.betavariate(recipe.cutmix_alpha, recipe.cutmix_alpha))
    return Mixed(mixed, shares * kept + shares[other] * (1 - kept))


def _cut(pixels: Tensor, other: Tensor, kept: float) -> tuple[Tensor, float]:
    """Return pictures with one rectangle of others, and the share that is their own."""
    height, width = pixels.shape[2:]
    side = math.sqrt(1 - kept)
    middle = random.random() * height, random.random() * width
    top, bottom = (_within(middle[0] + sign * side * height / 2, height) for sign in (-1, 1))
    left, right = (_within(middle[1] + sign * side * width / 2, width) for sign in (-1, 1))
    mixed = pixels.clone()
    mixed[:, :, top:bottom, left:right] = pixels[other, :, top:bottom, left:right]
    return mixed, 1 - (bottom - top) * (right - left) / (height * width)


def _within(place: float, length: int) -> int:
    return min(max(round(place), 0), length)

"""What a classifier learns: the class of pictures of one object."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.spec.card import ModelCard
from bench.train import augment, pictures
from bench.train.recipe import ClassificationRecipe

EVALUATED = 500


class Classification:
    """Pictures in the memory of a device, random views of them, and the loss of a network.

    Attributes:
        steps: batches of an epoch.
        metric: name of what `score` returns.

    """

    metric = "top1_percent"

    def __init__(
        self, card: ModelCard, recipe: ClassificationRecipe, device: torch.device, cache: Path
    ) -> None:
        self._recipe, self._device, self._classes = recipe, device, card.classes
        self._side = (card.height_px, card.width_px)
        # as torchvision's evaluation resizes: the shorter side to that of the view over the crop
        whole_px = math.floor(card.height_px / card.preprocessing.crop_pct)
        train = pictures.Objects("train", recipe.train_images, recipe.side_px, recipe.side_px)
        val = pictures.Objects("val", recipe.val_images, whole_px, card.height_px)
        self._train, self._labels = self._kept(train, cache)
        self._val, self._val_labels = self._kept(val, cache)
        mean, std = card.preprocessing.mean, card.preprocessing.std
        self._mean = torch.tensor(mean, device=device)[:, None, None] * 255
        self._std = torch.tensor(std, device=device)[:, None, None] * 255
        self.steps = recipe.steps
        self._order = torch.empty(0, dtype=torch.long)

    def _kept(self, wanted: pictures.Objects, cache: Path) -> tuple[Tensor, Tensor]:
        arrays = pictures.load(wanted, cache)
        return tuple(torch.from_numpy(arrays[name]).to(self._device) for name in ("pixels", "labels"))  # type: ignore[return-value]

    def begin(self) -> None:
        """Draw the order of an epoch."""
        self._order = torch.randperm(len(self._labels), device=self._device)

    def loss(self, model: nn.Module, step: int) -> Tensor:
        """Return the mean cross entropy of a batch of random views."""
        recipe = self._recipe
        chosen = self._order[step * recipe.batch : (step + 1) * recipe.batch]
        maps = augment.crops(recipe, len(chosen), self._device)
        seen = augment.views(self._train[chosen], maps, self._side)
        seen = augment.light(seen, recipe.brightness, recipe.contrast)
        seen = augment.erase(self.normalised(seen), recipe.erase)
        shares = functional.one_hot(self._labels[chosen], self._classes).float()
        mixed = augment.mix(recipe, seen, shares)
        logits = model(mixed.pixels)
        return functional.cross_entropy(logits.float(), mixed.shares, label_smoothing=recipe.label_smoothing)

    def normalised(self, pixels: Tensor) -> Tensor:
        """Return pixels (b, 3, h, w), 0 to 255, as the network takes them."""
        return (pixels - self._mean) / self._std

    def score(self, model: nn.Module) -> float:
        """Return the top-1 accuracy in percent on the pictures for validation, seen as an evaluation does."""
        right = torch.zeros((), device=self._device)
        for pixels, labels in zip(self._val.split(EVALUATED), self._val_labels.split(EVALUATED), strict=True):
            logits = model(self.normalised(pixels.permute(0, 3, 1, 2).float()))
            right += (logits.argmax(dim=1) == labels).sum()
        return 100 * float(right) / len(self._val_labels)

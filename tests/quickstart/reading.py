"""Bugs on the way from files to a batch, and from logits to a score."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from PIL import Image, ImageOps
from timm.data import transforms_factory
from torch import Tensor
from torchvision.transforms import functional

from bench.tasks.classification import accuracy, check, preprocess
from bench.tasks.classification.images import ImageSet
from tests.quickstart.planting import Mutation, Plant, Stage, wrapped

MODEL, VISIBLE = "micro_mambaout", "micro_vit_visible"


def transformed(**fields: object) -> Plant:
    return wrapped(preprocess, "create_transform", lambda make, **given: make(**{**given, **fields}))


def exchanged(make: Callable[..., Any], *, mean: object, std: object, **given: object) -> Any:
    return make(mean=std, std=mean, **given)


def decoded(change: Callable[[Image.Image], Image.Image]) -> Plant:
    return wrapped(ImageSet, "decode", lambda decode, images, position: change(decode(images, position)))


def bgr(image: Image.Image) -> Image.Image:
    return Image.merge("RGB", image.split()[::-1])


def transposed(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.TRANSPOSE)


def top_left(_crop: object, size: tuple[int, int]) -> Callable[[Image.Image], Image.Image]:
    return partial(functional.crop, top=0, left=0, height=size[0], width=size[1])


def unscaled(_make: object) -> Callable[[Image.Image], Tensor]:
    return lambda image: functional.pil_to_tensor(image).to(torch.float32)


def shifted(targets: Callable[..., Any], *given: object) -> list[tuple[int, ...]]:
    return [tuple(label + 1 for label in each) for each in targets(*given)]


def backwards(index: Callable[..., Any], *given: object) -> list[int]:
    return list(index(*given))[::-1]


def _mutation(what: str, plant: Plant, stage: Stage = "reading") -> Mutation:
    return Mutation(what, MODEL, plant, stage)


READING = (
    _mutation("class folders in another order", wrapped(check, "_class_index", backwards), "scoring"),
    _mutation("labels counted from 1", wrapped(accuracy, "targets", shifted), "scoring"),
    _mutation("crop 1.0 in place of 0.875", transformed(crop_pct=1.0)),
    _mutation(
        "crop of the upper left corner", wrapped(transforms_factory.transforms, "CenterCrop", top_left)
    ),
    _mutation("resized to a square", transformed(crop_mode="squash")),
    # MambaOut does not mind
    Mutation("resized by the nearest pixel", VISIBLE, transformed(interpolation="nearest"), "reading"),
    _mutation("mean and std left out", transformed(mean=(0, 0, 0), std=(1, 1, 1))),
    _mutation("mean and std exchanged", wrapped(preprocess, "create_transform", exchanged)),
    _mutation("pixels from 0 to 255", wrapped(transforms_factory, "MaybeToTensor", unscaled)),
    _mutation("BGR", decoded(bgr)),
    _mutation("mirrored", decoded(ImageOps.mirror)),
    _mutation("transposed", decoded(transposed)),
)

"""Builds the network of a card and fills it with the weights that a cell asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import cast

import torch
from torch import nn
from tqdm import tqdm

from bench.catalog import read
from bench.machine import weights as cache
from bench.machine.download import sha256_of
from bench.spec.card import ModelCard
from bench.spec.cell import PUBLISHED, RANDOM, SCAN_BACKENDS
from bench.spec.errors import BadWeights, MissingWeights, UnknownName, UserError
from bench.zoo.checkpoint import read_state_dict
from bench.zoo.contract import Choices, Network, Source
from bench.zoo.fill import fill

# resolved on first use, so that one source does not drag in another
SOURCES: Mapping[str, str] = {
    "timm": "bench.zoo.timm_source:create",
    "native": "bench.zoo.native_source:create",
    "vit": "bench.zoo.vit_source:create",
    "reduced": "bench.zoo.reduced_source:create",
    "mask_rcnn": "bench.zoo.openmmlab.source:create",
    "upernet": "bench.zoo.openmmlab.source:create",
}
SEED = 0
USUAL = Choices()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A network in eval mode on the CPU in float32, and the hash of the file its weights are from."""

    model: nn.Module
    weights_sha256: str | None


def build(
    key: str,
    weights: str | Path | None = None,
    image_size: tuple[int, int] | None = None,
    *,
    scan_backend: str = "auto",
    true_inverse: bool = False,
) -> nn.Module:
    """Build a network of the catalog, in eval mode.

    A classifier is for the classes of its card, mostly 1000; `mask_rcnn-BACKBONE` is mmdet's detector for the
    80 of COCO, `upernet-BACKBONE` mmsegmentation's segmentor for the 150 of ADE20K.

    `weights` is None for random ones (the same at every call), `"published"` or a path;
    `image_size` is (height, width) in pixels, by default that of the card. Tables of a checkpoint that
    depend on the size are resized as the publishers' code does; networks that take any size ignore it.
    `scan_backend` and `true_inverse` are those of `bench.nets.build.Options`.

        net = build("mambaout_tiny", weights="published")
        net = build("vim_small", weights="vim_s.pth", image_size=(512, 512), scan_backend="torch")
        net = build("mask_rcnn-mambaout_tiny")

    Raises `UnknownName`, `UserError` for a choice that the network does not have, and what `load`
    raises.
    """
    cards = read.every_model()
    if key not in cards:
        raise UnknownName("model", key, cards)
    card = cards[key]
    height_px, width_px = image_size or (card.height_px, card.width_px)
    choices = Choices(scan_backend, true_inverse)
    _check_choices(card, choices)
    source = RANDOM if weights is None else str(weights)
    return load(card, weights=source, height_px=height_px, width_px=width_px, choices=choices).model


def load(card: ModelCard, *, weights: str, height_px: int, width_px: int, choices: Choices = USUAL) -> Loaded:
    """Build the network of a card with the weights of a cell: `"random"`, `"published"` or a path.

    `choices` are those of the card's `options`; the others do not matter. Published weights
    ship with the bench or are downloaded where they are not in a cache. Raises `MissingWeights`,
    `BadWeights` (another hash than the card's, unreadable, or for another network) and
    `Unsupported`.
    """
    network = _initial(card, height_px, width_px, choices)
    if weights == RANDOM:
        return Loaded(network.model.eval(), None)
    path = _file(card, weights)
    sha256 = sha256_of(path)
    if weights == PUBLISHED:
        _verify(card, path, sha256)
    state = read_state_dict(path, card.weights_keys, whole=card.kind != "classification")
    fill(network, state, card, str(path))
    return Loaded(network.model.eval(), sha256)


def _verify(card: ModelCard, path: Path, sha256: str) -> None:
    # a file of the bench must be the very one; of some others the hash is not known
    if sha256 == card.weights_sha256 or (card.weights_sha256 is None and card.weights_file is None):
        return
    remedy = (
        "get the file again with the bench"
        if card.weights_file is not None
        else "remove the file to have it downloaded again"
    )
    if card.weights_sha256 is None:
        raise BadWeights(f"the card of {card.key} names {path.name} and no `weights_sha256`; it is {sha256}")
    raise BadWeights(
        f"{path} has the SHA-256 {sha256}, not {card.weights_sha256} as the card of {card.key} says; {remedy}"
    )


def _check_choices(card: ModelCard, choices: Choices) -> None:
    for field in fields(Choices):
        if getattr(choices, field.name) != field.default and field.name not in card.options:
            has = f"only {', '.join(card.options)}" if card.options else "nothing of the kind"
            raise UserError(f"{card.key} does not have the choice {field.name}; it has {has}")
    if choices.scan_backend not in SCAN_BACKENDS:
        raise UnknownName("scan backend", choices.scan_backend, SCAN_BACKENDS)


def _initial(card: ModelCard, height_px: int, width_px: int, choices: Choices) -> Network:
    # a fork of the CPU's generator only: asking for CUDA's would start CUDA
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return _source(card.source)(card, height_px, width_px, choices)


def _source(name: str) -> Source:
    module, _, function = SOURCES[name].partition(":")
    return cast(Source, getattr(import_module(module), function))


def _file(card: ModelCard, weights: str) -> Path:
    path = cache.find(card, weights)
    if path is not None:
        return path
    if weights == PUBLISHED:
        return _fetch(card)
    raise MissingWeights(f"no file {weights}; correct `weights` in the suite")


def _fetch(card: ModelCard) -> Path:
    # only where a person looks on, so not in the log of a worker
    with tqdm(desc=card.key, unit="B", unit_scale=True, disable=None) as bar:

        def progress(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return cache.fetch(card, progress)

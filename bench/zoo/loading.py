"""Builds the network of a card and fills it with the weights that a cell asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

import torch
from torch import nn

from bench.catalog import read
from bench.machine import weights as cache
from bench.machine.download import sha256_of
from bench.spec.card import ModelCard
from bench.spec.cell import PUBLISHED, RANDOM
from bench.spec.errors import BadWeights, MissingWeights, UnknownName
from bench.zoo.checkpoint import fill, read_state_dict
from bench.zoo.contract import Network, Source

# resolved on first use, so that one source does not drag in another
SOURCES: Mapping[str, str] = {"timm": "bench.zoo.timm_source:create"}
SEED = 0


@dataclass(frozen=True, slots=True)
class Loaded:
    """A network in eval mode on the CPU in float32, and the hash of the file its weights are from."""

    model: nn.Module
    weights_sha256: str | None


def build(key: str, weights: str | None = None, image_size: tuple[int, int] | None = None) -> nn.Module:
    """Build a network of the catalog, in eval mode and for 1000 classes.

    `weights` is None for random ones (the same at every call), `"published"` or a path;
    `image_size` is (height, width) in pixels, by default that of the card.

        net = build("mambaout_tiny", weights="published")

    Raises `UnknownName` and what `load` raises.
    """
    cards = read.models()
    if key not in cards:
        raise UnknownName("model", key, cards)
    card = cards[key]
    height_px, width_px = image_size or (card.height_px, card.width_px)
    return load(card, weights=weights or RANDOM, height_px=height_px, width_px=width_px).model


def load(card: ModelCard, *, weights: str, height_px: int, width_px: int) -> Loaded:
    """Build the network of a card with the weights of a cell: `"random"`, `"published"` or a path.

    Published weights are downloaded where they are not in a cache. Raises `MissingWeights`,
    `BadWeights` (another hash than the card's, unreadable, or for another network) and
    `Unsupported`.
    """
    network = _initial(card, height_px, width_px)
    if weights == RANDOM:
        return Loaded(network.model.eval(), None)
    path = _file(card, weights)
    sha256 = sha256_of(path)
    if weights == PUBLISHED and card.weights_sha256 not in {None, sha256}:
        raise BadWeights(
            f"{path} has the SHA-256 {sha256}, not {card.weights_sha256} as the card of {card.key} says; "
            "remove the file to have it downloaded again"
        )
    fill(network, read_state_dict(path), f"{path} and {card.key}")
    return Loaded(network.model.eval(), sha256)


def _initial(card: ModelCard, height_px: int, width_px: int) -> Network:
    # a fork of the CPU's generator only: asking for CUDA's would start CUDA
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return _source(card.source)(card, height_px, width_px)


def _source(name: str) -> Source:
    module, _, function = SOURCES[name].partition(":")
    return cast(Source, getattr(import_module(module), function))


def _file(card: ModelCard, weights: str) -> Path:
    path = cache.find(card, weights)
    if path is not None:
        return path
    if weights == PUBLISHED:
        return cache.fetch(card)
    raise MissingWeights(f"no file {weights}; correct `weights` in the suite")

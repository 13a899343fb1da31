"""The verb `models`: every checkpoint the catalog knows."""

from __future__ import annotations

import json
from argparse import Namespace

from bench.catalog import read
from bench.cli.text import columns
from bench.spec.card import ModelCard


def main(arguments: Namespace) -> int:
    """Print the checkpoints as a table, or as JSON."""
    cards = read.every_model().values()
    if arguments.json:
        print(json.dumps({"models": [as_json(card) for card in cards]}, indent=2))
    else:
        head = ("KEY", "FAMILY", "PARAMS", "SIZE", "CROP", "LICENCE", "WEIGHTS")
        print(columns([head, *map(_row, cards)], right={2}))
    return 0


def as_json(card: ModelCard) -> dict[str, object]:
    """Return what a script may want to know of a checkpoint; unknown values are null."""
    return {
        "key": card.key,
        "label": card.label,
        "family": card.family,
        "params": card.params,
        "height_px": card.height_px,
        "width_px": card.width_px,
        "crop_pct": card.preprocessing.crop_pct,
        "interpolation": card.preprocessing.interpolation,
        "weights_url": card.weights_url,
        "weights_file": card.weights_file,
        "weights_sha256": card.weights_sha256,
        "averaged": card.averaged,
        "no_weights": card.no_weights,
        "licence": card.licence,
        "source": card.source,
        "ref": card.ref,
        "paper": card.paper,
    }


def _row(card: ModelCard) -> tuple[str, ...]:
    return (
        card.key,
        card.family,
        f"{card.params:,}",
        f"{card.height_px}x{card.width_px}",
        f"{card.preprocessing.crop_pct:g}",
        card.licence,
        card.weights_url or _elsewhere(card),
    )


def _elsewhere(card: ModelCard) -> str:
    if card.weights_file is not None:
        return f"ships with the bench: {card.weights_file}"
    return f"none public: {card.no_weights}"

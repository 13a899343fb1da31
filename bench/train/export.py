"""Rounded weights in the file that a card names, and its hash in the card."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from bench.catalog.read import HERE
from bench.machine.download import sha256_of
from bench.machine.weights import SHIPPED
from bench.spec.errors import UserError
from bench.store.atomic import replace
from bench.train import RESULT

MODELS = HERE / "models"


def write(weights: Mapping[str, Tensor], path: Path) -> str:
    """Write weights, rounded to half precision but for integers, and return the SHA-256 of the file."""
    rounded = {
        name: (value.half() if value.is_floating_point() else value).contiguous().clone()
        for name, value in weights.items()
    }
    partial = path.with_suffix(".partial")
    save_file(rounded, partial)
    partial.replace(path)
    return sha256_of(path)


def finite(weights: Mapping[str, Tensor]) -> bool:
    """Say whether all weights are numbers that half precision can hold."""
    return all(
        bool(torch.isfinite(value.half()).all()) for value in weights.values() if value.is_floating_point()
    )


def install(files: Mapping[str, Path], cards: Path = MODELS / "micro.yaml", folder: Path = SHIPPED) -> None:
    """Copy trained files, by the key of their card, to where they ship from, and enter their hashes.

    Raises `UserError`, before any is copied, for a key whose card names no file, and for a file whose
    training did not get to its end or left another one.
    """
    text = cards.read_text(encoding="utf-8")
    for key, path in files.items():
        text = with_hash(text, f"{key}.safetensors", _finished(path), cards)
    folder.mkdir(parents=True, exist_ok=True)
    for key, path in files.items():
        partial = folder / f".{key}.partial"
        shutil.copyfile(path, partial)
        partial.replace(folder / f"{key}.safetensors")
    replace(cards, text)


def _finished(path: Path) -> str:
    """Return the SHA-256 of a file, unless what its training tells beside it speaks against it."""
    own, result = sha256_of(path), path.with_name(RESULT)
    if not result.is_file():
        return own
    try:
        told = json.loads(result.read_text(encoding="utf-8"))
        sha256, whole, epochs = told["sha256"], told["whole"], told["epochs"]
    except (ValueError, TypeError, KeyError):
        raise UserError(f"{result} is no result of a training; train again") from None
    if sha256 != own:
        raise UserError(f"{path} is not the file that {result} tells of; train it again")
    if not whole:
        raise UserError(
            f"{path}: the training ended after {epochs} epochs, before its last; train it to the end "
            "(log.jsonl beside it says what ended it)"
        )
    return own


def with_hash(text: str, file: str, sha256: str, cards: Path) -> str:
    """Return the text of a file of cards with the hash of a weights file behind its name."""
    pattern = re.compile(
        rf"^(?P<indent> *)weights_file: {re.escape(file)}\n(?: *weights_sha256: .*\n)?", re.MULTILINE
    )
    changed, count = pattern.subn(
        rf"\g<indent>weights_file: {file}\n\g<indent>weights_sha256: {sha256}\n", text
    )
    if count != 1:
        raise UserError(f"{cards}: no card names `weights_file: {file}`; add it to the entry of the model")
    return changed

"""Finds checkpoints in the caches of this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from bench.spec.card import ModelCard
from bench.spec.cell import PUBLISHED, RANDOM
from bench.spec.errors import MissingWeights

Progress = Callable[[int, int | None], None]
SHIPPED = Path(__file__).parents[1] / "catalog" / "weights"
"""Where the files lie that ship with the bench."""
OFFLINE_VARIABLES = ("BENCH_OFFLINE", "HF_HUB_OFFLINE")
HUB_URL = re.compile(
    r"https://huggingface\.co/(?P<owner>[^/]+)/(?P<name>[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)"
)


def cache_folder() -> Path:
    """Return where checkpoints are kept: torch.hub's folder, by torch's own rule."""
    torch_home = os.environ.get("TORCH_HOME") or _user_cache() / "torch"
    return Path(torch_home).expanduser() / "hub" / "checkpoints"


def cache_path(card: ModelCard) -> Path:
    """Return where the published checkpoint of a card is kept, whether or not it is there.

    The key leads the name, since many publishers call every file `model.safetensors`.
    Raises `MissingWeights` for a card without an address.
    """
    return cache_folder() / f"{card.key}-{Path(urlsplit(_url(card)).path).name}"


def find(card: ModelCard, weights: str) -> Path | None:
    """Return the file that `weights` of a cell stands for; None where there is none here.

    `"published"` is looked for among the files that ship with the bench where the card names one, else in
    torch.hub's cache, then in that of the Hugging Face hub; `"random"` has no file; anything else is a path.
    """
    if weights == PUBLISHED and card.weights_file is not None:
        path = shipped_path(card.weights_file)
        return path if path.is_file() else None
    if weights == RANDOM or (weights == PUBLISHED and card.weights_url is None):
        return None
    places = (cache_path(card), _hub_path(card)) if weights == PUBLISHED else (Path(weights).expanduser(),)
    return next((place for place in places if place is not None and place.is_file()), None)


def shipped_path(name: str) -> Path:
    """Return where a file that ships with the bench lies, whether or not it is there."""
    return SHIPPED / name


def file_digest(weights: str) -> str:
    """Return twelve hex digits of the SHA-256 of a weights file; empty where there is no such file."""
    # the plan mostly has no file to hash, so it need not wait for this
    from bench.machine.download import sha256_of  # noqa: PLC0415

    path = Path(weights).expanduser()
    return sha256_of(path)[:12] if path.is_file() else ""


def offline() -> bool:
    """Say whether downloads are forbidden here: BENCH_OFFLINE or HF_HUB_OFFLINE is set, and not to 0."""
    return any(
        os.environ.get(name, "0").lower() not in {"", "0", "false", "no", "off"} for name in OFFLINE_VARIABLES
    )


def fetch(card: ModelCard, progress: Progress | None = None) -> Path:
    """Download the published checkpoint of a card into the cache and return its path.

    An interrupted download goes on where it stopped. `progress` is called with the bytes
    there are and the bytes in all (None where the server does not say). Raises
    `MissingWeights` where the file cannot be had, with its address and its place, and
    `BadWeights` where it has another SHA-256 than the card; that file is removed.
    """
    # the plan looks for files and downloads none, so it need not wait for this
    from bench.machine.download import download  # noqa: PLC0415

    path = cache_path(card)
    if path.is_file():
        return path
    if offline():
        raise MissingWeights(
            f"{card.weights_url} is not in the cache and this machine is set offline; put the file at {path}"
        )
    return download(_url(card), path, card.weights_sha256, progress)


def none_public(card: ModelCard) -> str:
    """Say of a card without an address that and why there is nothing to download."""
    if card.weights_file is not None:
        return (
            f"{shipped_path(card.weights_file)}, which ships with the bench, is not there; get it again with "
            f"the bench, or train it: python -m bench.train {card.key} --out runs/{card.key}"
        )
    why = f": {card.no_weights}" if card.no_weights else " are known"
    return f"no public weights of {card.key}{why}; name a file as `weights` in the suite"


def _url(card: ModelCard) -> str:
    if card.weights_url is None:
        raise MissingWeights(none_public(card))
    return card.weights_url


def _hub_path(card: ModelCard) -> Path | None:
    match = HUB_URL.fullmatch(card.weights_url or "")
    if match is None:
        return None
    repository = _hub_folder() / f"models--{match['owner']}--{match['name']}"
    reference = repository / "refs" / match["revision"]
    # a revision is a branch, whose commit stands in a file, or a commit
    commit = reference.read_text(encoding="ascii").strip() if reference.is_file() else match["revision"]
    return repository / "snapshots" / commit / match["file"]


def _hub_folder() -> Path:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(name):
            return Path(os.environ[name]).expanduser()
    home = os.environ.get("HF_HOME") or _user_cache() / "huggingface"
    return Path(home).expanduser() / "hub"


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")

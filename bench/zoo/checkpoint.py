"""Reads checkpoint files without running code from them."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from bench.nets.adapt import select_state
from bench.spec.errors import BadWeights
from bench.zoo.contract import StateDict
from bench.zoo.harmless import HARMLESS

USUAL_KEYS = ("state_dict_ema", "model_ema", "ema_model", "state_dict", "model")
"""Where training scripts keep their weights, averaged ones first."""

UNREADABLE = (
    OSError,
    RuntimeError,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    pickle.UnpicklingError,
    SafetensorError,
)
REFUSED = re.compile(r"GLOBAL (?P<name>\S+) ")
CALLED = "reduce for unrecognized function"
"""How torch says that a file calls what is not the name of a function."""


def read_state_dict(path: Path, keys: Sequence[str] = (), *, whole: bool = False) -> StateDict:
    """Return the tensors of a `.safetensors` file or of one that `torch.save` wrote, on the CPU.

    Of a training checkpoint the weights under the first of `keys` and `USUAL_KEYS` that it has are
    taken, else the file itself; wrappers of parallel or compiled training are taken off the
    names, and of a detector or segmentor only the backbone is returned unless `whole`. Raises
    `BadWeights` for a file that cannot be read without running its code, or that holds no weights.
    """
    try:
        content = load_file(path) if path.suffix == ".safetensors" else unpickle(path)
    except UNREADABLE as error:
        raise BadWeights(f"{path} is not a readable checkpoint: {_reason(error)}") from None
    if not isinstance(content, Mapping):
        raise BadWeights(f"{path} holds no tensors by name, so it is not a checkpoint")
    try:
        state = select_state(content, (*keys, *USUAL_KEYS), whole=whole)
    except ValueError as error:
        raise BadWeights(f"{path} holds no tensors by name, so it is not a checkpoint: {error}") from None
    return state


def unpickle(path: Path) -> object:
    """Return what `torch.save` wrote, its tensors on the CPU; types other than `HARMLESS` are refused."""
    with torch.serialization.safe_globals(list(HARMLESS)):
        content: object = torch.load(path, map_location="cpu", weights_only=True)
    return content


def _reason(error: Exception) -> str:
    refused = REFUSED.search(str(error))
    if refused is not None:
        return (
            f"it refers to {refused['name']}, which is not among the types that are known to be harmless, "
            "and reading it could run code; save only its weights in a new file"
        )
    if CALLED in str(error):
        return (
            "it calls what it has taken out of an object, and reading it could run code; "
            "save only its weights in a new file"
        )
    if isinstance(error, OSError):
        return first_line(error)
    # what the readers say is of bytes, and torch advises to let code run
    return "it is damaged, or was never one; get the file again, or save its weights anew"


def first_line(error: Exception) -> str:
    """Return the type of an error and the first line of what it says."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__

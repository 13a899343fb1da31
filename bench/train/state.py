"""What a training leaves behind: a checkpoint that is whole or the one before, and a log of its epochs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from bench.spec.errors import UserError
from bench.zoo.checkpoint import first_line, unpickle

CHECKPOINT, LOG = "checkpoint.pt", "log.jsonl"


class Saved(NamedTuple):
    """A checkpoint: epochs that were trained in steps of the optimizer, and what every part was then."""

    epoch: int
    step: int
    wish: str
    parts: Mapping[str, Any]


def save(folder: Path, saved: Saved) -> None:
    """Write the checkpoint; one that is there stays until the new one is whole."""
    path = folder / CHECKPOINT
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        torch.save(saved._asdict(), file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def restore(folder: Path, wish: str) -> Saved | None:
    """Return the checkpoint in a folder, None where there is none.

    Raises `UserError` for one that is damaged or of another `wish`: of network, backbone, recipe and seed.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return None
    try:
        content: Any = unpickle(path)
        saved = Saved(**content)
    except Exception as error:  # what damaged bytes raise is anything
        raise UserError(
            f"{path} is damaged ({first_line(error)}); remove it to begin anew, "
            "or name another folder with --out"
        ) from None
    if saved.wish != wish:
        raise UserError(
            f"{path} is of a training with another network, backbone, recipe or seed; name another folder "
            "with --out, or remove it"
        )
    return saved


def append(folder: Path, row: Mapping[str, Any]) -> None:
    """Add a line to the log."""
    with (folder / LOG).open("a+b") as file:
        # a killed process may have left its last line unfinished
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        start = b"\n" if file.read(1) not in {b"", b"\n"} else b""
        file.write(start + json.dumps(row).encode() + b"\n")


def forget(folder: Path, epoch: int) -> None:
    """Take out of the log what came after a checkpoint, and a line that a killed process left unfinished."""
    path = folder / LOG
    if not path.is_file():
        return
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if _is_before(line, epoch)]
    partial = path.with_suffix(".partial")
    partial.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    partial.replace(path)


def _is_before(line: str, epoch: int) -> bool:
    try:
        row = json.loads(line)
    except ValueError:
        return False
    return bool(row.get("epoch", 0) <= epoch)

"""Several trainings at once, one process each, on the GPUs of one machine; one that fails stops no other."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.catalog.read import every_model
from bench.machine.identity import usable_cpu_count
from bench.spec.errors import UnknownName, UserError
from bench.train import RESULT

LATE_S, SCORE_S = 60.0, 600.0
"""How much longer than its minutes a training may take before it is ended: start, last score, export; and
with --data the score of the file on a CPU."""
SHOWN = 15


@dataclass(frozen=True)
class Leg:
    """One training of a chain."""

    model: str
    minutes: float


@dataclass(frozen=True)
class Chain:
    """Trainings one after the other on one GPU; None for the CPU."""

    gpu: str | None
    legs: tuple[Leg, ...]


def parse(text: str) -> Chain:
    """Return the chain of `GPU:MODEL@MINUTES,MODEL@MINUTES`; the GPU `cpu` is none.

    Raises `UserError` for any other text.
    """
    gpu, _, rest = text.partition(":")
    try:
        if not gpu:
            raise ValueError(text)
        legs = tuple(_leg(part) for part in rest.split(","))
    except ValueError:
        raise UserError(f"{text!r}: expected GPU:MODEL@MINUTES, such as 0:micro_vim@3") from None
    return Chain(None if gpu == "cpu" else gpu, legs)


def _leg(text: str) -> Leg:
    model, _, minutes = text.partition("@")
    leg = Leg(model, float(minutes))
    if not model or not (math.isfinite(leg.minutes) and leg.minutes > 0):
        raise ValueError(text)
    return leg


def launch(chains: Sequence[Chain], out: Path, extra: Sequence[str]) -> dict[str, str]:
    """Run all chains at once, below `out`, and return by model how each training ended.

    `extra` are further options of `python -m bench.train`. What a training prints is in `MODEL.txt`.
    Raises `UserError`, before any begins, for a model that does not exist or is named twice.
    """
    _check([leg.model for chain in chains for leg in chain.legs])
    out.mkdir(parents=True, exist_ok=True)
    ended: dict[str, str] = {}
    threads_each = max(1, usable_cpu_count() // max(1, len(chains)))
    running = [
        threading.Thread(target=_run_chain, args=(chain, out, extra, threads_each, ended), daemon=True)
        for chain in chains
    ]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return ended


def _check(models: Sequence[str]) -> None:
    known = every_model()
    for number, model in enumerate(models):
        if model not in known:
            raise UnknownName("model", model, known)
        if model in models[:number]:
            raise UserError(f"{model} is named twice; its folder holds one training")


def _run_chain(chain: Chain, out: Path, extra: Sequence[str], threads: int, ended: dict[str, str]) -> None:
    for leg in chain.legs:
        # another thread's training must not end with this one's trouble, whatever it is
        try:
            ended[leg.model] = _run(chain.gpu, leg, out, extra, threads)
        except OSError as error:
            ended[leg.model] = f"could not be started: {error}"


def _run(gpu: str | None, leg: Leg, out: Path, extra: Sequence[str], threads: int) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    if gpu is not None:
        environment["CUDA_VISIBLE_DEVICES"] = gpu
    command = [
        *(sys.executable, "-m", "bench.train", leg.model),
        *("--out", str(out / leg.model)),
        *("--minutes", str(leg.minutes), "--device", "cpu" if gpu is None else "cuda:0"),
        *extra,
    ]
    started_s, before = time.monotonic(), _modified_ns(out / leg.model)
    with (out / f"{leg.model}.txt").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)  # noqa: S603
        try:
            code = process.wait(60 * leg.minutes + LATE_S + SCORE_S * ("--data" in extra))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            how = "ended: it took too long; the same command goes on from its checkpoint"
            return how + _reached(out / leg.model, before)
    took_s = time.monotonic() - started_s
    how = f"done in {took_s:.0f} s" if code == 0 else f"failed with exit code {code} after {took_s:.0f} s"
    return how + _reached(out / leg.model, before)


def summary(ended: dict[str, str], out: Path) -> list[str]:
    """Return a line for every training: how it ended and what it reached."""
    lines = []
    for model, how in ended.items():
        lines.append(f"{model}: {how}")
        if not how.startswith("done"):
            lines += _tail(out / f"{model}.txt")
    return lines


def _reached(folder: Path, before_ns: int | None) -> str:
    """Tell the result in a folder, unless it is the one of an earlier training."""
    if _modified_ns(folder) in {None, before_ns}:
        return ""
    result = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    return f"; {result['epochs']} epochs, {result['validation']}, {result['weights']} taken"


def _modified_ns(folder: Path) -> int | None:
    path = folder / RESULT
    return path.stat().st_mtime_ns if path.is_file() else None


def _tail(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return [f"    {line}" for line in text.splitlines()[-SHOWN:]]

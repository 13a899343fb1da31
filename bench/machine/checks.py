"""What this machine can run and why not: one line per check, each with its remedy."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from bench.machine import compiler, data, dense_data, gpus, identity, openmmlab, scans, weights
from bench.machine.generated import root_of
from bench.sets.made import check
from bench.spec.card import ModelCard, TaskCard
from bench.spec.cell import PUBLISHED
from bench.spec.errors import BadData, CellError, UserError

OLDEST = {"torch": (2, 11), "torchvision": (0, 26), "timm": (1, 0, 29)}
PROBE = """
import json, torch
cuda = torch.cuda.is_available()
print(json.dumps({
    "cuda_build": torch.version.cuda,
    "cuda": cuda,
    "capability": ".".join(map(str, torch.cuda.get_device_capability())) if cuda else None,
    "bf16": torch.cuda.is_bf16_supported() if cuda else None,
}))
"""

OPERATORS = "from bench.zoo.openmmlab.stack import start; print(start())"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing a run may need: `ok`, what was found, and what to do where it is not."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


def run_checks(
    models: Mapping[str, ModelCard], tasks: Mapping[str, TaskCard], data_dir: Path, results: Path
) -> Iterator[Check]:
    """Look at everything a run may need; takes seconds, since torch is started once in a child."""
    yield _python()
    yield from (_package(name, oldest) for name, oldest in OLDEST.items())
    yield from _devices()
    yield _scans()
    yield _compiler()
    yield _extra("datasets", "parquet", "ImageNet as Hugging Face parquet files")
    yield _openmmlab()
    yield from (_data(task, data_dir) for task in tasks.values() if _has_data(task, data_dir))
    yield _weights(models)
    yield _results(results)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer")


def _package(name: str, oldest: tuple[int, ...]) -> Check:
    wanted = ".".join(map(str, oldest))
    remedy = f"run: pip install '{name}>={wanted}'"
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Check(name, False, "not installed", remedy)
    numbers = tuple(int(part) for part in version.split("+")[0].split(".")[:3] if part.isdecimal())
    return Check(name, numbers >= oldest, version, remedy)


def _devices() -> Iterator[Check]:
    cpu = f"{identity.cpu_name()}, {identity.usable_cpu_count()} usable cores"
    yield Check("cpu", True, cpu)
    try:
        device = identity.resolve_device("cuda")
    except UserError:
        yield Check("gpu", False, "none", f"cells run on the CPU; {gpus.why_none()}")
        return
    torch = _probe_torch()
    if torch.get("cuda"):
        versions = f"compute capability {torch['capability']}, torch for CUDA {torch['cuda_build']}"
        yield Check("gpu", True, f"{device.name}, {versions}")
    elif torch.get("cuda_build") is None:
        found = f"{device.name}, but torch is built without CUDA"
        yield Check("gpu", False, found, "install a CUDA build of torch")
    else:
        found = f"{device.name}, but torch for CUDA {torch['cuda_build']} cannot use it"
        yield Check("gpu", False, found, "update the NVIDIA driver, or install a torch for an older CUDA")


def _probe_torch() -> dict[str, str | bool | None]:
    command = [sys.executable, "-c", PROBE]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603
    if result.returncode:
        return {"cuda": False, "cuda_build": None}
    values: dict[str, str | bool | None] = json.loads(result.stdout.splitlines()[-1])
    return values


def _scans() -> Check:
    on_cpu = f"{', '.join(scans.can_run('cpu'))} on the CPU"
    try:
        identity.resolve_device("cuda")
    except UserError:
        return Check("scan backends", True, on_cpu)
    on_gpu = scans.can_run("cuda")
    found = f"{', '.join(on_gpu)} on the GPU; {on_cpu}"
    remedy = "scans of visual Mamba are computed by torch, which is slower; run: pip install triton"
    return Check("scan backends", "triton" in on_gpu, found, remedy)


def _compiler() -> Check:
    found, wanted = compiler.find(), compiler.wanted()
    remedy = "compiled cells of a CPU are blocked without it; install it, or set CXX to another"
    return Check("c++ compiler", found is not None, found or f"no {wanted}", remedy)


def _extra(package: str, extra: str, use: str) -> Check:
    there = find_spec(package) is not None
    remedy = f"only for {use}; run: pip install -e '.[{extra}]'"
    return Check(package, there, "installed" if there else "not installed", remedy)


def _openmmlab() -> Check:
    absent = openmmlab.missing()
    if absent:
        remedy = f"only for detectors and segmentors; run: {openmmlab.INSTALL}"
        return Check("openmmlab", False, f"without {', '.join(absent)}", remedy)
    command = [sys.executable, "-c", OPERATORS]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603
    if result.returncode:
        why = result.stderr.strip().rpartition("\n")[2]
        return Check("openmmlab", False, f"cannot be imported: {why}", f"run: {openmmlab.INSTALL}")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("mmdet", "mmsegmentation"))
    return Check("openmmlab", True, f"{versions}; operators of mmcv from {result.stdout.splitlines()[-1]}")


def _has_data(task: TaskCard, data_dir: Path) -> bool:
    """Say whether there is something to look for: a set that the bench makes need not be there."""
    made = task.generated is None or root_of(task, data_dir).is_dir()
    return made and "accuracy" in task.measures


def _data(task: TaskCard, data_dir: Path) -> Check:
    try:
        found = _found(task, data_dir)
    except BadData as error:
        return Check(f"data {task.key}", False, "damaged", str(error))
    except CellError as error:
        return Check(f"data {task.key}", False, "not found", str(error))
    return Check(f"data {task.key}", True, found)


def _found(task: TaskCard, data_dir: Path) -> str:
    if task.generated is not None:
        root = root_of(task, data_dir)
        made = check(task, root)
        return f"made at {root}" + ("" if made is None else f", {made}")
    if task.layout is not None:
        return f"folder at {dense_data.locate(task, task.layout, data_dir).root}"
    located = data.locate(task, data_dir)
    return f"{located.reader} at {located.root}"


def _weights(models: Mapping[str, ModelCard]) -> Check:
    shipped, others = (
        [card for card in models.values() if (card.weights_file is not None) is with_bench]
        for with_bench in (True, False)
    )
    here, cached = (
        sum(weights.find(card, PUBLISHED) is not None for card in cards) for cards in (shipped, others)
    )
    found = f"{cached} of {len(others)} checkpoints in {weights.cache_folder()}"
    if shipped:
        found += f"; {here} of the {len(shipped)} that ship with the bench"
    remedy = "downloaded when a run needs them; this machine is set offline (BENCH_OFFLINE or HF_HUB_OFFLINE)"
    return Check("weights", cached == len(others) or not weights.offline(), found, remedy)


def _results(results: Path) -> Check:
    nearest = next(folder for folder in (results, *results.absolute().parents) if folder.exists())
    free = shutil.disk_usage(nearest).free
    writable = os.access(nearest, os.W_OK)
    found = f"{results} {'can' if writable else 'cannot'} be written, {free / 1e9:.0f} GB free"
    return Check("results", writable and free > 1e8, found, "name another folder with --results")

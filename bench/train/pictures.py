"""The pictures that a training sees, made by all cores and kept in memory.

They are kept in a file named by its content too, which other trainings read. There is no torch here, so that
the processes that draw start fast.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

import bench.shapes
from bench.machine.identity import usable_cpu_count
from bench.sets.drawn import QUALITY
from bench.shapes import MATERIALS, Split, object_image, scene

Arrays = dict[str, NDArray[Any]]
CHUNK = 100
MOST_ITEMS = 8
NOTHING, PADDING = -1, 255
MULTIPLE_PX = 32


@dataclass(frozen=True)
class Objects:
    """Pictures of one object: the shorter side resized to `resize_px`, the middle square of `crop_px` kept.

    Arrays: `pixels` (n, crop, crop, 3), `labels` (n,).
    """

    split: Split
    count: int
    resize_px: int
    crop_px: int
    kind: Literal["objects"] = "objects"


@dataclass(frozen=True)
class Scenes:
    """Scenes resized to fit in `longer_px` x `shorter_px`, in the upper left corner of one canvas.

    Arrays: `pixels` (n, h, w, 3); `owner` (n, h, w), 0 or the number of an item from 1; `ground` (n, h, w),
    the material, 255 outside; `labels` (n, 8), -1 where there is no item; `sizes` (n, 2), height and width.
    """

    split: Split
    count: int
    longer_px: int
    shorter_px: int
    kind: Literal["scenes"] = "scenes"


Wanted = Objects | Scenes


def load(wanted: Wanted, cache: Path) -> Arrays:
    """Return the pictures, from the file in `cache` or made now and written there.

    Processes that want the same pictures at the same time wait for the first.
    """
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / f"{wanted.kind}-{wanted.split}-{content_name(wanted)}.npz"
    with _alone(path):
        if not path.is_file():
            partial_path = path.with_suffix(f".{os.getpid()}.partial.npz")
            arrays: Any = make(wanted)
            np.savez(partial_path, **arrays)
            partial_path.replace(path)
    with np.load(path) as file:
        return dict(file)


def content_name(wanted: Wanted) -> str:
    """Return twelve hex digits of what decides the pictures: wish, code, quality, versions of libraries."""
    made_by = {"quality": QUALITY, **{name: version(name) for name in ("numpy", "pillow")}}
    digest = hashlib.sha256(json.dumps([asdict(wanted), made_by], sort_keys=True).encode())
    sources = [Path(__file__), *sorted(Path(str(bench.shapes.__file__)).parent.glob("*.py"))]
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def make(wanted: Wanted) -> Arrays:
    """Make the pictures on all cores; a bar shows how far that is, on a terminal."""
    parts = [range(first, min(first + CHUNK, wanted.count)) for first in range(0, wanted.count, CHUNK)]
    work = partial(MAKERS[wanted.kind], wanted)
    workers = min(usable_cpu_count(), len(parts))
    with _mapper(workers) as run:
        done = list(
            tqdm(run(work, parts), total=len(parts), desc=f"{wanted.kind}, {wanted.split}", disable=None)
        )
    return JOINED[wanted.kind](done)


@contextmanager
def _mapper(workers: int) -> Iterator[Callable[..., Any]]:
    if workers < 2:
        yield map
        return
    # not forked: threads of torch may run in this process
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield pool.map


def _objects(wanted: Objects, indices: Sequence[int]) -> Arrays:
    made = [object_image(wanted.split, index) for index in indices]
    pixels = [squared(compressed(image), wanted.resize_px, wanted.crop_px) for image, _ in made]
    return {"pixels": np.stack(pixels), "labels": np.array([label for _, label in made], dtype=np.int64)}


def compressed(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return pixels as they are after JPEG, which is how an evaluation sees them."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=QUALITY)
    return np.asarray(Image.open(file).convert("RGB"))


def squared(pixels: NDArray[np.uint8], resize_px: int, crop_px: int) -> NDArray[np.uint8]:
    """Return the middle square after resizing the shorter side; equal to the evaluation of classifiers."""
    height, width, _ = pixels.shape
    short = min(height, width)
    size = (int(resize_px * width / short), int(resize_px * height / short))
    image = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
    left, top = (round((side - crop_px) / 2.0) for side in size)
    return np.asarray(image.crop((left, top, left + crop_px, top + crop_px)))


def _scenes(wanted: Scenes, indices: Sequence[int]) -> Arrays:
    found = [_scene(wanted, index) for index in indices]
    return _stack(found)


def _scene(wanted: Scenes, index: int) -> Arrays:
    drawn = scene(wanted.split, index)
    owner = np.zeros(drawn.ground.shape, dtype=np.uint8)
    labels = np.full(MOST_ITEMS, NOTHING, dtype=np.int64)
    for number, item in enumerate(drawn.items[:MOST_ITEMS]):
        owner[item.mask] = number + 1
        labels[number] = item.label
    height, width, _ = drawn.pixels.shape
    size = fitted(height, width, wanted.longer_px, wanted.shorter_px)
    return {
        "pixels": resized(compressed(drawn.pixels), size),
        "owner": resized(owner, size, nearest=True),
        "ground": resized(drawn.ground, size, nearest=True),
        "labels": labels,
        "sizes": np.array(size),
    }


def fitted(height: int, width: int, longer_px: int, shorter_px: int) -> tuple[int, int]:
    """Return the height and width of a picture made to fit, as mmcv's `rescale_size` gives them."""
    factor = min(longer_px / max(height, width), shorter_px / min(height, width))
    return int(height * factor + 0.5), int(width * factor + 0.5)


def resized(pixels: NDArray[np.uint8], size: tuple[int, int], *, nearest: bool = False) -> NDArray[np.uint8]:
    """Return pixels of another height and width, as the pipelines of OpenMMLab resize them."""
    import cv2  # noqa: PLC0415 (comes with OpenMMLab, which classifiers do not need)

    how = cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
    found: Any = cv2.resize(pixels, size[::-1], interpolation=how)
    return np.asarray(found, dtype=np.uint8)


def _stack(parts: Sequence[Arrays]) -> Arrays:
    """Put scenes of several sizes on one canvas."""
    sides = np.array([part["sizes"] for part in parts])
    height, width = (-(-int(side) // MULTIPLE_PX) * MULTIPLE_PX for side in sides.max(axis=0))
    count = len(parts)
    stacked: Arrays = {
        "pixels": np.zeros((count, height, width, 3), dtype=np.uint8),
        "owner": np.zeros((count, height, width), dtype=np.uint8),
        "ground": np.full((count, height, width), PADDING, dtype=np.uint8),
        "labels": np.stack([part["labels"] for part in parts]),
        "sizes": sides,
    }
    for number, part in enumerate(parts):
        rows, columns = part["sizes"]
        for name in ("pixels", "owner", "ground"):
            stacked[name][number, :rows, :columns] = part[name]
    return stacked


def _join_objects(parts: Sequence[Arrays]) -> Arrays:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _join_scenes(parts: Sequence[Arrays]) -> Arrays:
    height, width = (max(part["owner"].shape[axis] for part in parts) for axis in (1, 2))
    for part in parts:
        room = ((0, 0), (0, height - part["owner"].shape[1]), (0, width - part["owner"].shape[2]))
        part["pixels"] = np.pad(part["pixels"], (*room, (0, 0)))
        part["owner"] = np.pad(part["owner"], room)
        part["ground"] = np.pad(part["ground"], room, constant_values=PADDING)
    return _join_objects(parts)


MAKERS: Mapping[str, Callable[..., Arrays]] = {"objects": _objects, "scenes": _scenes}
JOINED: Mapping[str, Callable[[Sequence[Arrays]], Arrays]] = {
    "objects": _join_objects,
    "scenes": _join_scenes,
}


def semantic(owner: NDArray[Any], ground: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the class of every pixel of scenes (n, h, w): the ground's materials first, then the shapes."""
    padded = np.concatenate((np.zeros((len(labels), 1), dtype=np.int64), labels + len(MATERIALS)), axis=1)
    shape = np.take_along_axis(padded, owner.reshape(len(owner), -1).astype(np.int64), axis=1)
    return np.where(owner > 0, shape.reshape(owner.shape), ground).astype(np.uint8)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

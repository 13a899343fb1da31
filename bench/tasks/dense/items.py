"""Reads images one by one through a pipeline of OpenMMLab; a damaged one does not end the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from torch.utils.data import DataLoader, Dataset

from bench.spec.errors import Incomplete
from bench.spec.job import Job

NAMED = 20


class Item(NamedTuple):
    """One image as the pipeline gives it, or why there is none."""

    position: int
    data: Any
    problem: str


class Images(Protocol):
    """A data set of mmengine: what its pipeline gives of every image."""

    def __len__(self) -> int: ...

    def __getitem__(self, position: int) -> Any: ...


class Guarded(Dataset[Item]):
    """The images at some positions of a data set of OpenMMLab, in order."""

    def __init__(self, images: Images, positions: Sequence[int]) -> None:
        self._images, self._positions = images, positions

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, index: int) -> Item:
        position = self._positions[index]
        try:
            return Item(position, self._images[position], "")
        # decoders raise nearly anything on damaged files
        except Exception as error:
            return Item(position, None, f"{type(error).__name__}: {error}")


def read(images: Images, positions: Sequence[int], workers: int, damaged: dict[int, str]) -> Iterator[Item]:
    """Yield every image that can be decoded, one at a time; note the others in `damaged`, by position."""
    loader = DataLoader(Guarded(images, positions), batch_size=None, shuffle=False, num_workers=workers)
    for item in loader:
        if item.problem:
            damaged[item.position] = item.problem
        else:
            yield item


def check_complete(job: Job, where: str, names: Sequence[str], damaged: dict[int, str]) -> None:
    """Raise `Incomplete` where more images are damaged than the job allows."""
    if len(damaged) <= job.allowed_corrupt:
        return
    told = [f"{names[position]} ({problem})" for position, problem in sorted(damaged.items())[:NAMED]]
    raise Incomplete(
        f"{where}: {len(damaged):,} images cannot be decoded: {', '.join(told)}"
        f"{', ...' if len(damaged) > NAMED else ''}. Get them again, or set limits.corrupt_images of the "
        f"suite to {len(damaged)} to leave them out"
    )

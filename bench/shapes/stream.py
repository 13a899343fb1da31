"""The random numbers of one picture."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Split = Literal["train", "val"]
Kind = Literal["object", "scene", "classes"]
Plane = NDArray[np.int32]

_SPLITS: dict[str, int] = {"train": 1, "val": 2}
_KINDS: dict[Kind, int] = {"object": 1, "scene": 2, "classes": 3}


class Stream:
    """Random integers of one (kind, split, index): the same on every machine and version of NumPy."""

    def __init__(self, kind: Kind, split: Split, index: int) -> None:
        """Begin the stream; raises `ValueError` for a negative index or another split."""
        if index < 0 or split not in _SPLITS:
            raise ValueError(f"no picture {index} of split {split!r}: splits are train and val, from 0")
        # the one generator of NumPy whose numbers are promised never to change
        self._random = np.random.RandomState([_KINDS[kind], _SPLITS[split], *_words(index)])

    def between(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included."""
        # a stated width: the default is that of a C long, which differs between systems
        return int(self._random.randint(low, high + 1, dtype=np.int64))

    def chance(self, percent: int) -> bool:
        """Return whether something happens that does so in `percent` of 100 cases."""
        return self.between(0, 99) < percent

    def colour(self, low: int, high: int) -> tuple[int, int, int]:
        """Return a colour (red, green, blue), each from `low` to `high`."""
        return self.between(low, high), self.between(low, high), self.between(low, high)

    def order(self, count: int) -> list[int]:
        """Return the integers below `count` in random order."""
        left = list(range(count))
        return [left.pop(self.between(0, len(left) - 1)) for _ in range(count)]

    def octets(self, *shape: int) -> Plane:
        """Return integers from 0 to 255."""
        count = 1
        for side in shape:
            count *= side
        return np.frombuffer(self._random.bytes(count), dtype=np.uint8).reshape(shape).astype(np.int32)


def _words(index: int) -> list[int]:
    words = [index & 0xFFFFFFFF]
    while index := index >> 32:
        words.append(index & 0xFFFFFFFF)
    return words

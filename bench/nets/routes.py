"""Scan routes of LocalMamba as index tables (Huang et al. 2024, arXiv 2403.09338, section 4.1).

A route is named `h` (rows), `v` (columns), `w2` or `w7` (windows), or one of these with `_flip`.
Tokens are numbered row-major. A route is what each step reads and which step each token gets its output
from. They are each other's inverse, but for one error of the released code: on maps that are not square
its inverse of `v` sends step s to token (s mod w) * h + s div w, not to the token that step s had read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, wraps
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.ops.route_scan import Routes

Index = NDArray[np.signedinteger[Any]]
FLIP = "_flip"


class Layout(NamedTuple):
    """What the index tables of a block depend on.

    Attributes:
        names: the routes, in the order of the weights.
        height: rows of the token grid.
        width: columns of the token grid.
        true_inverse: False for the released inverse of `v`, True for the correct one.
        class_token: place of a class token in the sequences, None if there is none.

    """

    names: tuple[str, ...]
    height: int
    width: int
    true_inverse: bool = False
    class_token: int | None = None

    @property
    def exact(self) -> bool:
        """Whether every output returns to the token that its step had read."""
        vertical = any(name.startswith("v") for name in self.names)
        return self.true_inverse or self.height == self.width or not vertical

    @property
    def pads(self) -> bool:
        """Whether a window reaches beyond the map, so that a route has steps without a token."""
        sides = {int(name.removesuffix(FLIP)[1:]) for name in self.names if name.startswith("w")}
        return any(self.height % side or self.width % side for side in sides)


def read_order(name: str, height: int, width: int) -> Index:
    """Return the token that each step of the route reads; height * width where it reads a pad."""
    grid = np.arange(height * width).reshape(height, width)
    base = name.removesuffix(FLIP)
    if base == "h":
        order = grid.ravel()
    elif base == "v":
        order = grid.T.ravel()
    else:
        order = _windows(grid, int(base.removeprefix("w")))
    return order[::-1].copy() if name.endswith(FLIP) else order.copy()


def _windows(grid: Index, side: int) -> Index:
    height, width = grid.shape
    padded = np.pad(grid, ((0, -height % side), (0, -width % side)), constant_values=grid.size)
    rows, columns = padded.shape
    split = padded.reshape(rows // side, side, columns // side, side)
    return split.transpose(0, 2, 1, 3).ravel()


def back_order(name: str, height: int, width: int, true_inverse: bool) -> Index:
    """Return, for each token, the step of the route whose output it gets."""
    tokens = height * width
    if name.removesuffix(FLIP) == "v" and not true_inverse:
        steps = np.arange(tokens).reshape(height, width).T.ravel()
        return tokens - 1 - steps if name.endswith(FLIP) else steps
    order = read_order(name, height, width)
    back = np.empty(tokens + 1, dtype=np.int64)
    back[order] = np.arange(order.size)
    return back[:tokens]


def _tables(layout: Layout) -> tuple[list[Index], list[Index]]:
    """Return `read` and `back` of every route, with the class token put in at its place."""
    grid = (layout.height, layout.width)
    reads = [read_order(name, *grid) for name in layout.names]
    backs = [back_order(name, *grid, layout.true_inverse) for name in layout.names]
    place = layout.class_token
    if place is None:
        return reads, backs
    # The class token is token `place` and step `place`: all later numbers move up by one.
    reads = [np.insert(read + (read >= place), place, place) for read in reads]
    backs = [np.insert(back + (back >= place), place, place) for back in backs]
    return reads, backs


_MAKERS: dict[str, Callable[[Layout], Index]] = {}


@lru_cache(maxsize=512)
def _kept(table: str, fields: tuple[Any, ...], device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return torch.from_numpy(_MAKERS[table](Layout(*fields))).to(device)


# A compiler cannot see into the cache, and knows no constant that differs from call to call.
@torch.library.custom_op("bench::route_table", mutates_args=())
def _compiled(table: str, names: str, numbers: Sequence[int], device: torch.device) -> Tensor:
    # a compiler may write over what an operator returns
    return _kept(table, _fields(names, numbers), device).clone()


@_compiled.register_fake
def _(table: str, names: str, numbers: Sequence[int], device: torch.device) -> Tensor:
    shape = _MAKERS[table](Layout(*_fields(names, numbers))).shape
    return torch.empty(shape, dtype=torch.int32, device=device)


def _fields(names: str, numbers: Sequence[int]) -> tuple[Any, ...]:
    # sizes that a compiler would leave open are fixed by this: a table belongs to one grid
    height, width, true_inverse, place = map(int, numbers)
    return tuple(names.split()), height, width, bool(true_inverse), None if place < 0 else place


def _cached(make: Callable[[Layout], Index]) -> Callable[[Layout, torch.device], Tensor]:
    """Keep each table on its device, as a tensor that training may save and a compiler may use."""
    _MAKERS[make.__name__] = make

    @wraps(make)
    def tensor(layout: Layout, device: torch.device) -> Tensor:
        # A tracer gives the sizes of a map as tensors, which would never be found again.
        place = None if layout.class_token is None else int(layout.class_token)
        fields = (layout.names, int(layout.height), int(layout.width), layout.true_inverse, place)
        if torch.compiler.is_compiling():
            numbers = [*map(int, fields[1:4]), -1 if place is None else place]
            table: Tensor = _compiled(make.__name__, " ".join(layout.names), numbers, device)
            return table
        return _kept(make.__name__, fields, device)

    return tensor


@_cached
def read_table(layout: Layout) -> Index:
    """Return the token of every step, (k, steps), -1 for pads; shorter routes end in pads."""
    reads, _ = _tables(layout)
    tokens, steps = _tokens(layout), max(map(len, reads))
    table = np.stack([np.pad(read, (0, steps - len(read)), constant_values=tokens) for read in reads])
    return np.where(table == tokens, -1, table).astype(np.int32)


@_cached
def write_table(layout: Layout) -> Index:
    """Return the token that gets the output of every step, (k, steps), -1 for none."""
    reads, backs = _tables(layout)
    table = np.full((len(reads), max(map(len, reads))), -1, dtype=np.int32)
    for route, back in enumerate(backs):
        table[route, back] = np.arange(len(back))
    return table


@_cached
def back_table(layout: Layout) -> Index:
    """Return the step whose output every token gets, (k, tokens)."""
    return np.stack(_tables(layout)[1]).astype(np.int32)


@_cached
def origin_table(layout: Layout) -> Index:
    """Return the token whose output lands at every token, (k, tokens): itself where routes are exact."""
    reads, backs = _tables(layout)
    return np.stack([read[back] for read, back in zip(reads, backs, strict=True)]).astype(np.int32)


def _tokens(layout: Layout) -> int:
    return layout.height * layout.width + (layout.class_token is not None)


def routes_of(layout: Layout, device: torch.device) -> Routes:
    """Return the tables of `layout` on `device`, the same tensors at every call."""
    return Routes(
        read_table(layout, device),
        write_table(layout, device),
        back_table(layout, device),
        pads=layout.pads,
        origin_kl=None if layout.exact else origin_table(layout, device),
    )

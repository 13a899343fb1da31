"""How the routes of a scan are brought together."""

from __future__ import annotations

from typing import Literal, NamedTuple

from torch import Tensor


class NormWeights(NamedTuple):
    """Scale and shift of a layer norm (d,), and what it adds to the variance."""

    weight: Tensor
    bias: Tensor
    eps: float


class Merge(NamedTuple):
    """Gates and factors of a merge.

    Attributes:
        z_bld: gate before its SiLU (b, l, d), or None.
        gate: whether SiLU of `z_bld` scales `each` route or their `sum`; nothing without `z_bld`.
        origin_kl: for `each`, the token whose gate a route's output meets, int32; None for its own.
        factor_bkd: a factor per route and channel, or None.
        scale: of the sum.

    """

    z_bld: Tensor | None = None
    gate: Literal["each", "sum"] = "sum"
    origin_kl: Tensor | None = None
    factor_bkd: Tensor | None = None
    scale: float = 1.0

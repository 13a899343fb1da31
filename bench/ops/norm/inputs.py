"""Which norm a residual stream gets."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class StreamNorm(NamedTuple):
    """A norm over c channels.

    Attributes:
        weight: scale (c,).
        bias: shift (c,) of a layer norm; None for an RMS norm (Zhang and Sennrich 2019).
        eps: added to the variance, or to the mean square.

    """

    weight: Tensor
    bias: Tensor | None
    eps: float

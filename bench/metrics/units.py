"""Units of stored, shown and printed values, and the factors between them.

Stored values are in seconds, bytes, joules, percent, images and plain counts. MB and GB are
the binary ones: the published PyTorch scripts divide bytes by 1024 * 1024.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

_KINDS: Mapping[str, tuple[str, Decimal]] = MappingProxyType(
    {
        "": ("count", Decimal(1)),
        "K": ("count", Decimal(10**3)),
        "M": ("count", Decimal(10**6)),
        "G": ("count", Decimal(10**9)),
        "%": ("percent", Decimal(1)),
        "img/s": ("rate", Decimal(1)),
        "s": ("time", Decimal(1)),
        "ms": ("time", Decimal("0.001")),
        "B": ("memory", Decimal(1)),
        "MB": ("memory", Decimal(2**20)),
        "MiB": ("memory", Decimal(2**20)),
        "GB": ("memory", Decimal(2**30)),
        "GiB": ("memory", Decimal(2**30)),
        "J": ("energy", Decimal(1)),
    }
)


def stored_per(unit: str) -> Decimal:
    """Return how many stored units one `unit` is: 1,000,000 for `M`."""
    return _KINDS[unit][1]


def same_kind(unit: str, other: str) -> bool:
    """Say whether a value in one unit can be written in the other; False for unknown units."""
    return unit in _KINDS and other in _KINDS and _KINDS[unit][0] == _KINDS[other][0]


def units_like(unit: str) -> tuple[str, ...]:
    """Return every unit that a value in `unit` can be written in."""
    return tuple(name for name in _KINDS if same_kind(unit, name))

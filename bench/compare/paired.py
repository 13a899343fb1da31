"""Two accuracy records image by image: McNemar's test and the table behind it."""

from __future__ import annotations

import base64
import binascii
import math
from dataclasses import dataclass

from bench.spec.errors import UserError
from bench.spec.record import Measured, Record

# Beyond this many discordant images the normal approximation is good to all digits shown.
EXACT_UP_TO = 1000


@dataclass(frozen=True, slots=True)
class Paired:
    """How often two runs were right on the same images.

    `p_value` is two-sided, for the hypothesis that both are right equally often; `exact` says
    whether it is binomial or the corrected chi-square approximation.
    """

    images: int
    both: int
    only_first: int
    only_second: int
    neither: int
    p_value: float
    exact: bool

    @property
    def changed(self) -> int:
        """Images on which exactly one of the two was right."""
        return self.only_first + self.only_second


def compare_bits(first: Record, second: Record) -> Paired:
    """Compare which images two records got right at top-1; model against model or night against night.

    Raises `UserError` where a record holds no per-image results or the images are not the same
    ones in the same order.
    """
    images, order, ours = _bits(first)
    other_images, other_order, theirs = _bits(second)
    if (images, order) != (other_images, other_order):
        raise UserError(
            f"{first.cell.name} and {second.cell.name} cannot be compared image by image: "
            "they were not scored on the same images in the same order"
        )
    both = (ours & theirs).bit_count()
    only_first, only_second = ours.bit_count() - both, theirs.bit_count() - both
    p_value, is_exact = mcnemar(only_first, only_second)
    neither = images - both - only_first - only_second
    return Paired(images, both, only_first, only_second, neither, p_value, is_exact)


def mcnemar(only_first: int, only_second: int) -> tuple[float, bool]:
    """Return the two-sided p-value of two discordant counts, and whether it is exact.

    Binomial up to `EXACT_UP_TO` discordant images, else chi-square with Edwards' correction.
    """
    discordant = only_first + only_second
    if discordant == 0:
        return 1.0, True
    if discordant <= EXACT_UP_TO:
        tail = sum(math.comb(discordant, count) for count in range(min(only_first, only_second) + 1))
        return min(1.0, 2 * tail / 2**discordant), True
    statistic = max(0, abs(only_first - only_second) - 1) ** 2 / discordant
    return math.erfc(math.sqrt(statistic / 2)), False


def has_bits(record: Record) -> bool:
    """Say whether a record holds per-image results."""
    return isinstance(record.outcome, Measured) and "correct_top1_bits" in record.outcome.details


def _bits(record: Record) -> tuple[int, str, int]:
    """Return the number of images, the digest of their order, and one bit per image as an integer."""
    details = record.outcome.details
    text, order = details.get("correct_top1_bits"), details.get("order_digest")
    if not isinstance(record.outcome, Measured) or not isinstance(text, str) or not isinstance(order, str):
        raise UserError(f"{record.cell.name} holds no per-image results; measure it again")
    images = int(record.outcome.values.get("images", 0))
    try:
        packed = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise UserError(f"{record.cell.name} holds damaged per-image results; measure it again") from None
    bits, padding = int.from_bytes(packed, "big"), 8 * len(packed) - images
    if not 0 <= padding < 8 or bits & ((1 << padding) - 1):
        raise UserError(
            f"{record.cell.name} holds per-image results of another number than {images:,} images"
        )
    return images, order, bits >> padding

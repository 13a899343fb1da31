"""What a metric is, and how its values are written down."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from bench.metrics.units import stored_per
from bench.spec.card import Kind
from bench.spec.cell import Cell, Measure, Scales


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure that a measure produces.

    `name` keys `Measured.values` and carries the stored unit; `unit` is the one shown to readers.
    At least `decimals` digits follow the point, more where fewer than `significant` digits would
    be left. `higher_is_better` is None where neither direction is. A value agrees with a reported
    one within half a printed digit plus `slack` (in shown units) plus `slack_ratio` times the
    reported value; `near` is the difference up to which a miss points at preprocessing.
    A `headline` is a score that a task is known by: it stands in the overview. A score belongs to a `kind`
    of task, and one of segmentation to its `scales`; both are None where they do not matter. `step` is what
    the names of the step time that a figure comes from (`_s`) and of its interquartile range (`_iqr_s`)
    begin with.
    """

    name: str
    label: str
    unit: str
    decimals: int
    measure: Measure
    higher_is_better: bool | None = None
    significant: int = 0
    slack: Decimal = Decimal(0)
    slack_ratio: Decimal = Decimal(0)
    near: Decimal | None = None
    headline: bool = False
    kind: Kind | None = None
    scales: Scales | None = None
    step: str | None = None

    @property
    def title(self) -> str:
        """Label and unit as a column header: `Peak allocated (MiB)`."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def concerns(self, cell: Cell, kind: Kind) -> bool:
        """Say whether a cell of a task of this kind can have this figure."""
        of_task = self.kind in {None, kind} and self.scales in {None, cell.scales}
        return self.measure == cell.measure and of_task

    def in_unit(self, value: float, unit: str | None = None) -> Decimal:
        """Convert a stored value exactly to `unit`, or to the shown one."""
        return exact(value) / stored_per(self.unit if unit is None else unit)

    def show(self, value: float) -> str:
        """Write a stored value in the shown unit: `26.55`, `1,683`, `0.0565`."""
        shown = self.in_unit(value)
        return rounded(shown, max(self.decimals, self._decimals_for(shown)))

    def _decimals_for(self, shown: Decimal) -> int:
        if not shown or not self.significant:
            return 0
        return self.significant - 1 - math.floor(math.log10(abs(shown)))


def exact(value: float) -> Decimal:
    """Return the shortest decimal that reads back as this number, never its binary expansion."""
    return Decimal(value) if isinstance(value, int) else Decimal(repr(float(value)))


def rounded(value: Decimal, decimals: int) -> str:
    """Round half to even and group thousands by commas; a zero never carries a sign."""
    step = Decimal(1).scaleb(-decimals)
    number = value.quantize(step, rounding=ROUND_HALF_EVEN)
    return f"{number if number else abs(number):,f}"

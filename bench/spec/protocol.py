"""A measurement protocol: every switch that can move a speed or memory figure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from bench.spec.base import Spec
from bench.spec.cell import DeviceKind, MemoryFormat, Mode, Precision, digest

Tf32 = bool | Literal["by_precision"]


class WarmupSteps(Spec):
    """A fixed number of untimed steps."""

    kind: Literal["steps"] = "steps"
    steps: PositiveInt


class WarmupConvergence(Spec):
    """Untimed windows until consecutive ones agree, between two bounds of time.

    Converged when the medians of the last two groups of `group` windows differ by less
    than `tolerance` (a fraction).
    """

    kind: Literal["convergence"] = "convergence"
    min_s: PositiveFloat
    max_s: PositiveFloat
    group: PositiveInt = 3
    tolerance: PositiveFloat = 0.01


class TimingWindows(Spec):
    """Windows of many steps with one synchronisation each, until the spread is small.

    At least `min_windows`, then on until the relative half interquartile range is below
    `target_spread`, at most `max_windows` or `max_s`. Steps per window are chosen so that a
    window lasts at least `window_s`.
    """

    kind: Literal["windows"] = "windows"
    min_windows: PositiveInt
    max_windows: PositiveInt
    window_s: PositiveFloat
    target_spread: PositiveFloat
    max_s: PositiveFloat


class TimingSteps(Spec):
    """A fixed number of timed steps, synchronised after each step or once around all."""

    kind: Literal["steps"] = "steps"
    steps: PositiveInt
    synchronise: Literal["step", "once"]


Warmup = Annotated[WarmupSteps | WarmupConvergence, Field(discriminator="kind")]
TimedPart = Annotated[TimingWindows | TimingSteps, Field(discriminator="kind")]


class Protocol(Spec):
    """How speed and memory are measured, as a named and stored object.

    The first entry of `precisions`, `memory_formats` and `modes` is the default, the others
    are allowed; anything else in a suite is a mistake. `tf32_*` is on, off, or on just for
    the precision `tf32`. `statistic` says which figure of the timed part is the result.
    `deviations` lists where we knowingly differ from the published script.
    """

    key: str
    version: PositiveInt
    summary: str
    source: str
    tf32_matmul: Tf32
    tf32_cudnn: Tf32
    cudnn_benchmark: bool
    cudnn_deterministic: bool
    precisions: tuple[Precision, ...] = Field(min_length=1)
    memory_formats: tuple[MemoryFormat, ...] = Field(min_length=1)
    modes: tuple[Mode, ...] = Field(min_length=1)
    batch_images: dict[DeviceKind, PositiveInt]
    batch_fixed: bool = False
    input: Literal["random_normal"] = "random_normal"
    input_buffers: PositiveInt = 1
    timer: Literal["cuda_events", "wall_clock"]
    warmup: Warmup
    timing: TimedPart
    statistic: Literal["median", "mean"]
    deviations: tuple[str, ...] = ()

    @property
    def content_digest(self) -> str:
        """Twelve hex digits of everything that can move a figure (texts left out)."""
        texts = {"summary", "source", "deviations"}
        return digest(self.model_dump(mode="json", exclude=texts))

    def tf32_flags(self, precision: Precision) -> tuple[bool, bool]:
        """Return whether TF32 is on for (matmul, cuDNN) at this precision."""
        on = precision == "tf32"
        matmul = on if self.tf32_matmul == "by_precision" else self.tf32_matmul
        cudnn = on if self.tf32_cudnn == "by_precision" else self.tf32_cudnn
        return bool(matmul), bool(cudnn)

"""Warm up, time and read the driver between windows: what throughput and latency share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.probes.nvml import Stamp
from bench.probes.windows import Timed, Turn, WarmedUp, time_in_turn, warm_up
from bench.spec.job import Job
from bench.spec.record import Measured
from bench.tasks.speed import figures
from bench.tasks.speed.figures import StepFigures
from bench.tasks.speed.rig import Rig

Values = dict[str, int | float | None]


@dataclass(frozen=True)
class Run:
    """One warmed-up and timed rig."""

    rig: Rig
    warmed: WarmedUp
    timed: Timed
    stamps: tuple[Stamp, ...]
    steps: StepFigures

    def measured(self, values: Values, extra_flags: tuple[str, ...] = ()) -> Measured:
        """Return the outcome: the given values that are not None, and what every timing has in common."""
        prepared, check = self.rig.prepared, self.rig.check
        common: Values = {
            "wall_gap_percent": self.steps.wall_gap_percent,
            "output_rel_error": check.rel_error,
            "compile_s": prepared.compile_s,
            "graph_breaks": prepared.graph_breaks,
        }
        details = figures.details(self.timed, self.warmed, self.stamps, self.rig.clock.name)
        if prepared.compile_cache_hits is not None:
            details["compile_cache_hits"] = prepared.compile_cache_hits
        if self.rig.first_step_peak_bytes:
            details["first_step_peak_allocated_bytes"] = self.rig.first_step_peak_bytes
        own = figures.flags(self.timed, self.warmed, self.steps, self.stamps)
        return Measured(
            values={name: value for name, value in {**values, **common}.items() if value is not None},
            samples=figures.samples(self.timed, self.stamps),
            details={**details, **check.details()},
            flags=(*own, *check.flags(), *self.rig.shared_flags(), *extra_flags),
        )


def time_rig(job: Job, rig: Rig) -> Run:
    """Warm the rig up and time it as the protocol of the job says."""
    return time_rigs(job, (rig,))[0]


def time_rigs(job: Job, rigs: Sequence[Rig]) -> tuple[Run, ...]:
    """Warm several rigs up, one after the other, and time them window by window in turn."""
    protocol = job.protocol
    warmed = [warm_up(rig.clock, rig.step, protocol.warmup) for rig in rigs]
    stamps = [[rig.sensor.read()] for rig in rigs]
    turns = [_turn(*each) for each in zip(rigs, warmed, stamps, strict=True)]
    timed = time_in_turn(turns, protocol.timing)
    for rig, own in zip(rigs, stamps, strict=True):
        if len(own) == 1:
            own.append(rig.sensor.read())
    return tuple(
        Run(rig, warm, windows, tuple(own), StepFigures.of(windows))
        for rig, warm, windows, own in zip(rigs, warmed, timed, stamps, strict=True)
    )


def _turn(rig: Rig, warmed: WarmedUp, stamps: list[Stamp]) -> Turn:
    return Turn(rig.clock, rig.step, warmed.step_s, lambda: stamps.append(rig.sensor.read()))

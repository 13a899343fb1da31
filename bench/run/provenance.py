"""Puts a record together from how a worker ended and what the parent knows."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import UTC, datetime

import bench
from bench.machine import git
from bench.machine.identity import ANY_MACHINE, Device, cpu_name, machine_slug, usable_cpu_count
from bench.run.ending import Ended
from bench.spec.cell import Cell
from bench.spec.job import Job, Report
from bench.spec.record import Host, Provenance, Record


@dataclass(frozen=True, slots=True)
class Timing:
    """When an attempt started and how long it took, start of the worker included."""

    started: datetime
    wall_s: float


class Scribe:
    """Writes records of one run: same suite, same device, same source tree."""

    def __init__(self, suite: str, device: Device) -> None:
        self._suite, self._device = suite, device
        self.machine = machine_slug(device)
        self._commit, self._dirty = git.revision()
        self._started = datetime.now(UTC).isoformat(timespec="milliseconds")

    def record(self, job: Job, ended: Ended, timing: Timing) -> Record:
        """Return the record of one attempt.

        Where the worker left no report, the host is what the parent can see of it. The
        machine is always the parent's name for it, since that is where it looks for records;
        what is the same everywhere belongs to `any-machine`.
        """
        report = ended if isinstance(ended, Report) else Report(outcome=ended, host=self._host())
        return Record(
            cell=job.cell,
            cell_key=job.cell.key,
            outcome=report.outcome,
            host=report.host.model_copy(update={"machine": self._machine_of(job.cell)}),
            provenance=self._provenance(job, report, timing),
        )

    def _machine_of(self, cell: Cell) -> str:
        return ANY_MACHINE if cell.portable else self.machine

    def _provenance(self, job: Job, report: Report, timing: Timing) -> Provenance:
        return Provenance(
            bench_version=bench.__version__,
            git_commit=self._commit,
            git_dirty=self._dirty,
            suite=self._suite,
            started_utc=timing.started.isoformat(timespec="milliseconds"),
            wall_s=timing.wall_s,
            protocol=job.protocol,
            card=job.card,
            task=job.task,
            switches=report.switches,
            run_started_utc=self._started,
            data_fingerprint=report.data_fingerprint,
            weights_sha256=report.weights_sha256,
            scan_backend=report.scan_backend,
            true_inverse=report.true_inverse,
            data_listing=report.data_listing,
            **_reading(job),
        )

    def _host(self) -> Host:
        device = self._device
        return Host(
            machine=self.machine,
            device=device.kind,
            gpu=device.name if device.kind == "cuda" else None,
            cpu=cpu_name(),
            cpu_count=usable_cpu_count(),
            os=platform.platform(),
            python=platform.python_version(),
        )


def _reading(job: Job) -> dict[str, int]:
    """Return how images were read, which only accuracy does."""
    if job.cell.measure != "accuracy":
        return {}
    return {
        "eval_batch": job.eval_batch,
        "loader_workers": job.loader_workers,
        "allowed_corrupt": job.allowed_corrupt,
    }

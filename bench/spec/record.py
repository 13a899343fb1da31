"""A record: what happened to one cell, on which machine, with which software."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from bench.spec.base import Spec
from bench.spec.card import ModelCard, TaskCard
from bench.spec.cell import Cell, DeviceKind
from bench.spec.protocol import Protocol

SCHEMA_VERSION = 2

FailureKind = Literal[
    "missing_data",
    "missing_weights",
    "missing_extra",
    "unsupported",
    "bad_data",
    "bad_weights",
    "incomplete",
    "out_of_memory",
    "timeout",
    "crash",
    "error",
]
BLOCKED: frozenset[FailureKind] = frozenset(
    ("missing_data", "missing_weights", "missing_extra", "unsupported")
)


class Measured(Spec):
    """A finished measurement.

    `values` are keyed by metric name, which carries the unit (`bench.metrics`). `samples`
    are the raw series a value was derived from, in order. `details` is whatever else the
    task wants kept. `flags` qualify the figures (`cpu_bound`, `not_converged`, `partial`).
    """

    kind: Literal["measured"] = "measured"
    values: dict[str, int | float]
    samples: dict[str, tuple[float, ...]] = {}
    details: dict[str, JsonValue] = {}
    flags: tuple[str, ...] = ()


class Failed(Spec):
    """A cell that has no result, and why; `log_tail` is the end of the worker's output."""

    kind: Literal["failed"] = "failed"
    reason: FailureKind
    message: str
    log_tail: str = ""
    details: dict[str, JsonValue] = {}

    @property
    def blocked(self) -> bool:
        """True where the machine lacks something, as opposed to something going wrong."""
        return self.reason in BLOCKED


Outcome = Annotated[Measured | Failed, Field(discriminator="kind")]


class Host(Spec):
    """The machine and its software as the worker saw them; None where it could not look."""

    machine: str
    device: DeviceKind
    gpu: str | None = None
    gpu_power_limit_w: float | None = None
    gpu_memory_bytes: int | None = None
    driver: str | None = None
    cpu: str
    cpu_count: int
    os: str
    python: str
    torch: str | None = None
    cuda: str | None = None
    cudnn: str | None = None
    triton: str | None = None
    timm: str | None = None
    packages: dict[str, str] = {}


class Provenance(Spec):
    """Where a record comes from: code, definitions and inputs.

    `run_started_utc` is when the run began that this attempt belongs to. `switches` are the
    flags read back from torch while the cell ran, not those asked for. `eval_batch` is in
    images; `allowed_corrupt` is the number of unreadable images the suite put up with.
    `data_fingerprint` is of all images with their labels, `data_listing` what a plan knows of them.
    `scan_backend` and `true_inverse` say how a selective scan ran; all are None where they
    do not apply or were not yet recorded.
    """

    bench_version: str
    git_commit: str | None
    git_dirty: bool | None
    suite: str
    started_utc: str
    run_started_utc: str | None = None
    wall_s: float = Field(ge=0)
    protocol: Protocol
    card: ModelCard
    task: TaskCard
    switches: dict[str, JsonValue] = {}
    data_fingerprint: str | None = None
    weights_sha256: str | None = None
    eval_batch: int | None = None
    loader_workers: int | None = None
    allowed_corrupt: int | None = None
    scan_backend: str | None = None
    true_inverse: bool | None = None
    data_listing: str | None = None


class Record(Spec):
    """One attempt at one cell; written once and never changed."""

    schema_version: int = SCHEMA_VERSION
    cell: Cell
    cell_key: str
    outcome: Outcome
    host: Host
    provenance: Provenance

"""A cell: one checkpoint, one task, one size, one precision, one measure."""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePath
from typing import Literal, get_args

from pydantic import Field, PositiveInt

from bench.spec.base import Spec

Precision = Literal["fp32", "tf32", "amp_fp16", "amp_bf16", "bf16", "fp16"]
Measure = Literal["accuracy", "throughput", "latency", "fps", "backbone_throughput", "memory", "complexity"]
MemoryFormat = Literal["contiguous", "channels_last"]
Mode = Literal["eager", "compiled"]
DeviceKind = Literal["cuda", "cpu"]
ScanBackend = Literal["auto", "reference", "torch", "triton", "mamba_ssm"]
Scales = Literal["single", "multi"]
Windows = Literal["auto", "whole", "slide"]
Batch = PositiveInt | Literal["max"]

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
MEASURES: tuple[Measure, ...] = get_args(Measure)
MEMORY_FORMATS: tuple[MemoryFormat, ...] = get_args(MemoryFormat)
MODES: tuple[Mode, ...] = get_args(Mode)
SCAN_BACKENDS: tuple[ScanBackend, ...] = get_args(ScanBackend)
DEVICE_KINDS: tuple[DeviceKind, ...] = get_args(DeviceKind)
SCALES: tuple[Scales, ...] = get_args(Scales)
WINDOWS: tuple[Windows, ...] = get_args(Windows)

PUBLISHED = "published"
RANDOM = "random"


class Cell(Spec):
    """What to measure, complete enough to measure it again.

    `batch` is in images, or `"max"` for the largest that fits the device; accuracy, latency, `fps` and
    the memory of detectors and segmentors ignore it. `crop_pct` None means the crop the checkpoint was
    published with.
    `weights` is `"published"`, `"random"` (seeded) or a file path. `protocol_digest` and
    `task_digest` hold the content of the definitions, so that an edited protocol or task
    starts a new row instead of changing the meaning of an old one; so do `card_digest` for
    what the card of the checkpoint decides and `weights_digest` for the content of a weights
    file (twelve hex digits of its SHA-256, empty for any other weights). Complexity hangs on
    no protocol: its `protocol_digest` is empty. `scan_backend` is what computes selective scans, or
    `"auto"` for the fastest that the device has; `true_inverse` sends every output of LocalVMamba and
    LocalVim to the token it came from, where the published code errs on maps that are not square.
    Segmentors are scored at a `single` scale, or at several with flipped images (`multi`); in overlapping
    `windows` (`slide`), on `whole` images, or as published (`auto`).
    """

    checkpoint: str
    task: str
    task_digest: str
    height_px: PositiveInt
    width_px: PositiveInt
    precision: Precision
    measure: Measure
    device: DeviceKind
    protocol: str
    protocol_digest: str
    memory_format: MemoryFormat = "contiguous"
    mode: Mode = "eager"
    batch: Batch = 1
    default_batch: bool = True
    crop_pct: float | None = Field(default=None, gt=0, le=1)
    weights: str = RANDOM
    limit_images: PositiveInt | None = None
    card_digest: str = ""
    weights_digest: str = ""
    scan_backend: ScanBackend = "auto"
    true_inverse: bool = False
    scales: Scales = "single"
    windows: Windows = "auto"

    @property
    def name(self) -> str:
        """Path-like name, unique within a plan: `mambaout_tiny/imagenet/224x224/fp32/accuracy`.

        What differs from the defaults follows as a sixth part, joined by `+`.
        """
        size = f"{self.height_px}x{self.width_px}"
        parts = [self.checkpoint, self.task, size, self.precision, self.measure]
        extras = [text for text in self._extras() if text]
        return "/".join([*parts, "+".join(extras)] if extras else parts)

    def _extras(self) -> tuple[str, ...]:
        return (
            "" if self.protocol == "house" else self.protocol,
            "" if self.mode == "eager" else self.mode,
            "" if self.memory_format == "contiguous" else self.memory_format,
            "" if self.default_batch else f"batch_{self.batch}",
            "" if self.crop_pct is None else f"crop_{self.crop_pct:g}",
            "" if self.limit_images is None else f"limit_{self.limit_images}",
            self._weights_extra(),
            "" if self.scan_backend == "auto" else f"scan_{self.scan_backend}",
            "true_inverse" if self.true_inverse else "",
            "multi_scale" if self.scales == "multi" else "",
            "" if self.windows == "auto" else self.windows,
        )

    def _weights_extra(self) -> str:
        usual = PUBLISHED if self.measure == "accuracy" else RANDOM
        if self.weights == usual:
            return ""
        return f"{PurePath(self.weights).stem}_weights"

    @property
    def portable(self) -> bool:
        """Whether the result is the same on every machine."""
        return self.measure == "complexity"

    @property
    def key(self) -> str:
        """Twelve hex digits that name this cell in paths and logs.

        Defaults are left out, so that a field added later renames no cell that lacks it.
        """
        return digest(self.model_dump(mode="json", exclude_defaults=True))


def digest(value: object) -> str:
    """Hash a JSON value by content: twelve hex digits of the SHA-256 of its canonical text."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]

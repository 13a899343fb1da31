"""What a suite file can say, as types; the words of each field also serve editors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import BeforeValidator, Field, PositiveInt

from bench.spec.base import Spec
from bench.spec.cell import Batch, Measure, MemoryFormat, Mode, Precision, Scales, ScanBackend, Windows
from bench.spec.job import Evaluator

MAX_SIZE_PX = 8192
EXCEPT = "!"
NAME_PATTERN = "^[a-z0-9_-]+$"
SIZE_PATTERN = "^[1-9][0-9]{0,3}x[1-9][0-9]{0,3}$"

SIZES = "Input sizes in pixels: 224 for a square, 800x1280 for height x width."
MEASURED = (
    "What to measure. Of classifiers throughput and latency; of detectors and segmentors fps (the whole, one "
    "image at a time, with and without post-processing) and backbone_throughput (the backbone alone)."
)

Gate = Literal["reported", "last_night"]
GATES: tuple[Gate, ...] = get_args(Gate)
EVALUATORS: tuple[Evaluator, ...] = get_args(Evaluator)


class Size(Spec):
    """The height and width of the input in pixels, each 1 to 8192."""

    height_px: PositiveInt = Field(le=MAX_SIZE_PX)
    width_px: PositiveInt = Field(le=MAX_SIZE_PX)


def parse_size(value: object) -> Size:
    """Read `224` as a square and `"800x1280"` as height x width; raises `ValueError` for the rest."""
    if isinstance(value, Size):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Size(height_px=value, width_px=value)
    if isinstance(value, str) and re.fullmatch(SIZE_PATTERN, value):
        height, width = value.split("x")
        return Size(height_px=int(height), width_px=int(width))
    raise ValueError("a size is a number or HxW")


Resolution: TypeAlias = Annotated[Size, BeforeValidator(parse_size)]


class Limits(Spec):
    """What one cell may take, and how images are loaded."""

    cell_s: float = Field(
        default=900,
        gt=0,
        allow_inf_nan=False,
        description="Seconds after which a cell is stopped as timed out.",
    )
    corrupt_images: int = Field(
        default=0, ge=0, description="How many images that cannot be decoded a score may leave out."
    )
    loader_workers: int = Field(
        default=4, ge=0, description="Processes that decode images; 0 = none beside the worker."
    )
    eval_batch: PositiveInt = Field(default=64, description="Images per step where accuracy is measured.")


class Scoring(Spec):
    """How predictions of detectors and segmentors are turned into scores, and whether they are kept."""

    evaluator: Evaluator = Field(
        default="faster-coco-eval",
        description="What computes average precision: faster-coco-eval, or the slower pycocotools.",
    )
    keep_predictions: bool = Field(
        default=False,
        description="Whether detections are kept as COCO JSON below local/predictions of the results.",
    )


class Choices(Spec):
    """What a sweep sets for its models and an override sets anew; absent = not set.

    The first precision, memory format and mode that the protocol allows is its default.
    `crop_pct` and `weights` concern accuracy only; `scan_backend` and `true_inverse` concern the models
    that have the choice, and not complexity, which is the same for all of them.
    """

    resolutions: tuple[Resolution, ...] = Field(default=(), min_length=1, description=SIZES)
    precisions: tuple[Precision, ...] = Field(
        default=(), min_length=1, description="Number formats; absent = the protocol's default."
    )
    memory_formats: tuple[MemoryFormat, ...] = Field(
        default=(), min_length=1, description="Layouts of images in memory; absent = the protocol's default."
    )
    modes: tuple[Mode, ...] = Field(
        default=(),
        min_length=1,
        description="Eager or compiled by torch.compile; absent = the protocol's default.",
    )
    batch: Batch | None = Field(
        default=None,
        description="Images per step for throughput and memory, or max for the largest that fits; "
        "absent = the protocol's batch for the device. Of detectors and segmentors it is that of "
        "backbone_throughput (absent = 4 on a GPU, 1 on a CPU), and all else takes one image.",
    )
    measures: tuple[Measure, ...] = Field(default=(), min_length=1, description=MEASURED)
    crop_pct: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Centre crop for accuracy; absent = the crop the checkpoint was published with.",
    )
    weights: str | None = Field(
        default=None,
        min_length=1,
        description="Weights for accuracy: published (the default), random, or the path of a file.",
    )
    scan_backend: ScanBackend | None = Field(
        default=None,
        description="What computes selective scans; absent or auto = the fastest that the device has. "
        "Models without a scan ignore it.",
    )
    true_inverse: bool | None = Field(
        default=None,
        description="Whether the v routes of LocalVMamba and LocalVim return to the tokens they read on maps "
        "that are not square; absent or false = as published, which errs there. Other models ignore it.",
    )
    scales: Scales | None = Field(
        default=None,
        description="Accuracy of segmentors: single (the default), or multi for the mean over six scales "
        "(0.5 to 1.75) and their mirror images. Others ignore it.",
    )
    windows: Windows | None = Field(
        default=None,
        description="Accuracy of segmentors: whole images, slide for overlapping windows of 512 px, or "
        "auto (the default) as the model was published. Others ignore it.",
    )


class Override(Choices):
    """What replaces the sweep's choices for the models that a key or glob matches."""


class Sweep(Choices):
    """Every combination of some models, sizes, precisions ... and measures on one task."""

    models: tuple[str, ...] = Field(
        min_length=1,
        description="Keys of checkpoints, or globs such as mambaout_*; `!GLOB` takes out what it matches; "
        "`bench models` lists the keys.",
    )
    task: str = Field(description="The data set, and what may be measured on it.")
    resolutions: tuple[Resolution, ...] = Field(min_length=1, description=SIZES)
    measures: tuple[Measure, ...] = Field(min_length=1, description=MEASURED)
    protocol: str | None = Field(
        default=None, description="How speed and memory are measured; absent = the protocol of the suite."
    )
    overrides: dict[str, Override] = Field(
        default={},
        description="By key or glob of models: what replaces the values above; the last match wins.",
    )

    def for_model(self, key: str) -> Sweep:
        """Return the sweep with every override that matches this model applied, in order."""
        changes = {
            name: getattr(override, name)
            for glob, override in self.overrides.items()
            if fnmatchcase(key, glob)
            for name in override.model_fields_set
        }
        return self.model_copy(update=changes) if changes else self


class Suite(Spec):
    """A suite file: what to measure, and which comparisons decide the exit code."""

    name: str = Field(pattern=NAME_PATTERN, description="Names the tables: results/NAME.md.")
    description: str = Field(default="", description="One sentence for people.")
    protocol: str = Field(default="house", description="The protocol of every sweep that names none.")
    data: str | None = Field(
        default=None, min_length=1, description="Folder of the data sets, relative to the current directory."
    )
    limits: Limits = Field(default=Limits(), description="What one cell may take, and how images are loaded.")
    scoring: Scoring = Field(
        default=Scoring(), description="How detections and segmentations are scored, and whether kept."
    )
    gates: tuple[Gate, ...] = Field(
        default=(),
        min_length=1,
        description="Comparisons that decide exit code 3: with reported numbers, with the last night.",
    )
    sweeps: tuple[Sweep, ...] = Field(min_length=1, description="What to measure; one cell per combination.")


def matching(globs: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that any of the globs matches, ordered by glob, each once.

    A glob behind `!` takes out what it matches, wherever it stands.
    """
    known, listed = tuple(names), tuple(globs)
    out = [glob.removeprefix(EXCEPT) for glob in listed if glob.startswith(EXCEPT)]
    kept = [name for name in known if not any(fnmatchcase(name, glob) for glob in out)]
    return tuple(dict.fromkeys(name for glob in listed for name in kept if fnmatchcase(name, glob)))

"""No speed without a check: the timed configuration must compute what eager fp32 computes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from bench.probes.switches import plain_fp32
from bench.spec.cell import Precision
from bench.spec.errors import CellError
from bench.spec.job import Job
from bench.tasks.forward import Outputs

CHECKED_IMAGES = 4
# ||a - b|| / ||b|| of the outputs: a few roundings of the format, grown through tens of layers
BOUNDS: dict[Precision, float] = {
    "fp32": 1e-3,
    "tf32": 2e-2,
    "amp_fp16": 2e-2,
    "fp16": 5e-2,
    "amp_bf16": 1e-1,
    "bf16": 2e-1,
}


@dataclass(frozen=True, slots=True)
class OutputCheck:
    """How far each output is from that of eager fp32, and the bound of all for this precision."""

    rel_errors: Mapping[str, float]
    bound: float

    @property
    def rel_error(self) -> float:
        """Return the error of the output that is farthest off: one that is large must not hide another."""
        # no comparison with a NaN holds, so that it would not be the maximum
        return max(self.rel_errors.values(), key=lambda error: math.inf if math.isnan(error) else error)

    @property
    def passed(self) -> bool:
        """Whether every output agrees within the bound."""
        return self.rel_error <= self.bound

    def flags(self) -> tuple[str, ...]:
        """Return `output_mismatch` where an output does not agree."""
        return () if self.passed else ("output_mismatch",)

    def details(self) -> dict[str, JsonValue]:
        """Return the bound, and the error of every output by name where there are several."""
        found: dict[str, JsonValue] = {"output_rel_error_bound": self.bound}
        if len(self.rel_errors) > 1:
            found["output_rel_errors"] = dict[str, JsonValue](self.rel_errors)
        return found

    @classmethod
    def of(cls, found: Outputs, expected: Outputs, job: Job) -> OutputCheck:
        """Compare what a network gave with what was expected, perhaps of the first images of a batch only.

        Raises `CellError` where a number of any image is not finite, and where an expected one is not.
        """
        if not _finite(found):
            raise CellError(f"{job.cell.name}: the output is not finite; try another precision")
        if not _finite(expected):
            raise CellError(f"{job.cell.name}: the output in fp32, to check with, is not finite")
        tf32 = any(job.protocol.tf32_flags(job.cell.precision))
        bound = max(BOUNDS[job.cell.precision], BOUNDS["tf32"] if tf32 else 0.0)
        return cls(relative_errors(found, expected), bound)


def by_name(outputs: Outputs) -> dict[str, Tensor]:
    """Return what a network gave by name; several that have none are numbered."""
    if isinstance(outputs, Tensor):
        return {"output": outputs}
    if isinstance(outputs, Mapping):
        return dict(outputs)
    return {f"output_{number}": each for number, each in enumerate(outputs)}


def relative_errors(found: Outputs, expected: Outputs) -> dict[str, float]:
    """Return the relative error of every output by name; expected may be those of the first images only."""
    own = by_name(found)
    return {
        name: relative_error(own[name][: len(each)].float(), each.float())
        for name, each in by_name(expected).items()
    }


def _finite(outputs: Outputs) -> bool:
    return all(bool(torch.isfinite(each).all()) for each in by_name(outputs).values())


def relative_error(found: Tensor, expected: Tensor) -> float:
    """Return ||found - expected|| / ||expected||, with all elements taken as one vector."""
    # a network may give nothing but zeros, and then the smallest number keeps the quotient finite
    size = torch.linalg.vector_norm(expected).clamp(min=torch.finfo(expected.dtype).tiny)
    return float(torch.linalg.vector_norm(found - expected) / size)


def reference_outputs(model: nn.Module, images: Tensor, device: torch.device) -> Outputs:
    """Return what a few images give in eager fp32 without TF32.

    Moves the network to the device.
    """
    # some of OpenMMLab's networks do not return themselves here
    model.eval()
    with plain_fp32(), torch.inference_mode():
        outputs: Outputs = model.to(device)(images)
        return outputs

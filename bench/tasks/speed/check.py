"""No speed without a check: the timed configuration must compute what eager fp32 computes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
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
    """How far the outputs are from those of eager fp32, and the bound for this precision."""

    rel_error: float
    bound: float

    @property
    def passed(self) -> bool:
        """Whether the outputs agree within the bound."""
        return self.rel_error <= self.bound

    def flags(self) -> tuple[str, ...]:
        """Return `output_mismatch` where the outputs do not agree."""
        return () if self.passed else ("output_mismatch",)

    @classmethod
    def of(cls, found: Tensor, expected: Tensor, job: Job) -> OutputCheck:
        """Compare the first images of a batch (b, numbers) with the expected ones.

        Raises `CellError` where a number of any image is not finite.
        """
        if not torch.isfinite(found).all():
            raise CellError(f"{job.cell.name}: the output is not finite; try another precision")
        rel_error = relative_error(found[: len(expected)].float(), expected)
        tf32 = any(job.protocol.tf32_flags(job.cell.precision))
        bound = max(BOUNDS[job.cell.precision], BOUNDS["tf32"] if tf32 else 0.0)
        return cls(rel_error, bound)


def relative_error(found: Tensor, expected: Tensor) -> float:
    """Return ||found - expected|| / ||expected||, with all elements taken as one vector."""
    # a network may give nothing but zeros, and then the smallest number keeps the quotient finite
    size = torch.linalg.vector_norm(expected).clamp(min=torch.finfo(expected.dtype).tiny)
    return float(torch.linalg.vector_norm(found - expected) / size)


def rows(outputs: Outputs, images: int) -> Tensor:
    """Return all numbers that a network gave, one row per image: logits stay (b, classes)."""
    several = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    flat = [each.reshape(images, -1) for each in several]
    return flat[0] if len(flat) == 1 else torch.cat(flat, dim=1)


def reference_outputs(model: nn.Module, images: Tensor, device: torch.device) -> Tensor:
    """Return what a few images give in eager fp32 without TF32 (b, numbers).

    Moves the network to the device.
    """
    # some of OpenMMLab's networks do not return themselves here
    model.eval()
    with plain_fp32(), torch.inference_mode():
        return rows(model.to(device)(images), len(images)).float()

"""Peak memory of a whole detector or segmentor for one image."""

from __future__ import annotations

from bench.spec.job import Job
from bench.spec.record import Measured
from bench.tasks.contract import TaskResult
from bench.tasks.dense.rigs import build_rigs
from bench.tasks.speed.memory import Baseline, allocated_peak_bytes, peaks, weights_bytes
from bench.tasks.speed.rig import bench_device


def measure(job: Job) -> TaskResult:
    """Return the peaks of `bench.tasks.speed.memory` at batch 1, with post-processing.

    On a GPU `peak_network_allocated_bytes` is torch's peak without it: scores of every pixel and pasted
    masks are often more than all that a backbone needs. Raises `Unsupported` as `build_rigs`.
    """
    own, _ = bench_device(job)
    baseline = Baseline.read(own)
    rigs = build_rigs(job, buffers=1)
    values, details = peaks(rigs.whole, baseline)
    if rigs.whole.device.type == "cuda":
        values["peak_network_allocated_bytes"] = allocated_peak_bytes(rigs.network)
    values |= {"weights_bytes": weights_bytes(rigs.model), "batch_images": 1}
    flags = (*rigs.whole.check.flags(), *rigs.whole.shared_flags())
    outcome = Measured(values=values, details={**details, **rigs.details()}, flags=flags)
    return TaskResult(outcome, weights_sha256=rigs.weights_sha256)

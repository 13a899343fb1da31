"""Seconds for one image alone."""

from __future__ import annotations

from bench.spec.job import Job
from bench.tasks.contract import TaskResult
from bench.tasks.speed.rig import build_model, build_rig
from bench.tasks.speed.timing import Values, time_rig


def measure(job: Job) -> TaskResult:
    """Return `latency_s` at batch 1: steps follow each other without a pause, one image each.

    It is the median over windows, whatever the protocol's statistic; samples `latency_s` are
    one per window.
    """
    model, weights_sha256 = build_model(job)
    run = time_rig(job, build_rig(job, model, 1, job.protocol.input_buffers))
    values: Values = {
        "latency_s": run.steps.median_s,
        "latency_iqr_s": run.steps.iqr_s,
        "latency_min_s": run.steps.min_s,
        "latency_p90_s": run.steps.p90_s,
    }
    measured = run.measured(values)
    series = {"latency_s" if name == "step_s" else name: found for name, found in measured.samples.items()}
    return TaskResult(measured.model_copy(update={"samples": series}), weights_sha256=weights_sha256)

"""Images per second of a whole detector or segmentor, one image at a time."""

from __future__ import annotations

from bench.spec.job import Job
from bench.spec.record import Measured
from bench.tasks.contract import TaskResult
from bench.tasks.dense.rigs import Rigs, build_rigs
from bench.tasks.speed.timing import Run, time_rigs

NETWORK = "network_"
"""What begins the names of flags, details and samples without post-processing."""


def measure(job: Job) -> TaskResult:
    """Return `fps_img_s` with post-processing and `fps_network_img_s` without, at batch 1.

    The line between them is that of `bench.tasks.dense.passes`. Both are timed in turn, window by window,
    under the protocol of the job; samples `fps_step_s` and `fps_network_step_s` are one per window. Details
    say how many detections post-processing had to handle. Raises `Unsupported` as `build_rigs`.
    """
    rigs = build_rigs(job, job.protocol.input_buffers)
    whole, network = time_rigs(job, (rigs.whole, rigs.network))
    outcome = _merge(_measured(job, whole, "fps"), _measured(job, network, "fps_network"))
    values = {**outcome.values, **_detections(rigs)}
    details = {**outcome.details, **rigs.details()}
    outcome = outcome.model_copy(update={"values": values, "details": details})
    return TaskResult(outcome, weights_sha256=rigs.weights_sha256)


def _measured(job: Job, run: Run, name: str) -> Measured:
    step_s = run.steps.by(job.protocol)
    found = run.measured(
        {f"{name}_img_s": 1 / step_s, f"{name}_step_s": step_s, f"{name}_step_iqr_s": run.steps.iqr_s}
    )
    samples = dict(found.samples)
    samples[f"{name}_step_s"] = samples.pop("step_s")
    return found.model_copy(update={"samples": samples})


def _merge(whole: Measured, network: Measured) -> Measured:
    """Put both into one record; what both have under one name is told apart by `network_`."""
    return Measured(
        values={**network.values, **whole.values},
        samples={
            **whole.samples,
            **{
                name if name in network.values else NETWORK + name: at for name, at in network.samples.items()
            },
        },
        details={
            **whole.details,
            **{NETWORK + name: value for name, value in network.details.items() if name not in SHARED},
        },
        flags=(*whole.flags, *(NETWORK + flag for flag in network.flags if flag not in SHARED)),
    )


SHARED = ("output_mismatch", "shared_gpu", "output_rel_error_bound", "output_rel_errors")
"""Flags and details that say the same of both."""


def _detections(rigs: Rigs) -> dict[str, int | float]:
    found = [seen.counts["detections"] for seen in rigs.seen if "detections" in seen.counts]
    return {"detections": sum(found) / len(found)} if found else {}

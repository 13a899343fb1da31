"""Images per second with inputs that are already on the device."""

from __future__ import annotations

from bench.spec.job import Job
from bench.tasks.contract import TaskResult
from bench.tasks.speed.batch import resolve_batch
from bench.tasks.speed.figures import energy_j_per_image
from bench.tasks.speed.rig import build_model, build_rig
from bench.tasks.speed.timing import Values, time_rig


def measure(job: Job) -> TaskResult:
    """Return `throughput_img_s` and the step times it comes from; samples `step_s` are one per window."""
    model, weights_sha256 = build_model(job)
    batch = resolve_batch(job, model)
    run = time_rig(job, build_rig(job, model, batch.images, job.protocol.input_buffers))
    step_s = run.steps.by(job.protocol)
    values: Values = {
        "throughput_img_s": batch.images / step_s,
        "batch_images": batch.images,
        "step_s": step_s,
        "step_iqr_s": run.steps.iqr_s,
        "step_min_s": run.steps.min_s,
        "energy_j_per_image": energy_j_per_image(run.timed, run.stamps, batch.images),
    }
    measured = run.measured(values, batch.flags)
    details = {**measured.details, **batch.details}
    return TaskResult(measured.model_copy(update={"details": details}), weights_sha256=weights_sha256)

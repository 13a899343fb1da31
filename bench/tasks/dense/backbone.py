"""Images per second of the backbone of a detector or segmentor alone."""

from __future__ import annotations

from bench.spec.job import Job
from bench.tasks.contract import TaskResult
from bench.tasks.speed.batch import resolve_batch
from bench.tasks.speed.rig import build_model, build_rig
from bench.tasks.speed.timing import Values, time_rig


def measure(job: Job) -> TaskResult:
    """Return `backbone_img_s`, from images on the device to the maps that the neck takes.

    Images have the size of the cell, also for segmentors that are tested in windows of an image. The maps
    have the output norms of the detector or segmentor. Samples `backbone_step_s` are one per window.
    """
    model, weights_sha256 = build_model(job)
    backbone = model.get_submodule("backbone")
    batch = resolve_batch(job, backbone)
    run = time_rig(job, build_rig(job, backbone, batch.images, job.protocol.input_buffers))
    step_s = run.steps.by(job.protocol)
    values: Values = {
        "backbone_img_s": batch.images / step_s,
        "batch_images": batch.images,
        "backbone_step_s": step_s,
        "backbone_step_iqr_s": run.steps.iqr_s,
    }
    measured = run.measured(values, batch.flags)
    samples = {
        "backbone_step_s" if name == "step_s" else name: found for name, found in measured.samples.items()
    }
    details = {**measured.details, **batch.details}
    outcome = measured.model_copy(update={"samples": samples, "details": details})
    return TaskResult(outcome, weights_sha256=weights_sha256)

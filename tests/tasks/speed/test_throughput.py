"""Throughput on the CPU, whole, with a tiny network."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from bench import zoo
from bench.metrics.registry import metrics
from bench.spec.errors import CellError
from bench.spec.job import Job
from bench.spec.protocol import TimingSteps, WarmupSteps
from bench.spec.record import Measured
from bench.tasks.speed import latency, throughput, timing
from bench.tasks.speed.rig import build_rig, random_images

MakeJob = Callable[..., Job]


@pytest.mark.usefixtures("tiny")
def test_images_per_second_follow_from_the_step_time(make_job: MakeJob) -> None:
    result = throughput.measure(make_job(batch=6))
    measured = result.measured
    values = measured.values
    assert values["throughput_img_s"] == pytest.approx(6 / values["step_s"])
    assert values["batch_images"] == 6
    assert values["step_min_s"] <= values["step_s"]
    assert values["step_iqr_s"] >= 0
    assert values["output_rel_error"] == 0.0
    assert len(measured.samples["step_s"]) in {4, 5}
    assert set(values) <= {name for name, metric in metrics().items() if metric.measure == "throughput"}
    assert result.weights_sha256 == "f" * 64
    assert Measured.model_validate_json(measured.model_dump_json()) == measured


@pytest.mark.usefixtures("tiny")
def test_what_a_cpu_cannot_say_is_left_out(make_job: MakeJob) -> None:
    measured = throughput.measure(make_job()).measured
    assert not {"energy_j_per_image", "compile_s", "graph_breaks"} & set(measured.values)
    assert set(measured.samples) == {"step_s", "window_wall_step_s", "window_steps"}
    # the protocol asks for CUDA events
    assert measured.details["timer"] == "wall_clock"
    assert not {"cpu_bound", "shared_gpu", "throttled", "energy_too_short"} & set(measured.flags)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(("synchronise", "windows"), [("step", 7), ("once", 1)])
def test_published_protocols_time_a_fixed_number_of_steps(
    make_job: MakeJob, synchronise: str, windows: int
) -> None:
    rule = TimingSteps.model_validate({"steps": 7, "synchronise": synchronise})
    job = make_job(protocol={"timing": rule, "warmup": WarmupSteps(steps=3), "statistic": "mean"})
    measured = throughput.measure(job).measured
    assert measured.details["windows"] == windows
    assert sum(measured.samples["window_steps"]) == 7
    assert ("step_iqr_s" in measured.values) == (windows > 1)
    mean_s = sum(measured.samples["step_s"]) / windows
    assert measured.values["step_s"] == pytest.approx(mean_s)


@pytest.mark.usefixtures("tiny")
def test_latency_is_taken_one_image_at_a_time(make_job: MakeJob) -> None:
    job = make_job(measure="latency", batch=32, protocol={"statistic": "mean"})
    measured = latency.measure(job).measured
    values = measured.values
    assert values["latency_min_s"] <= values["latency_s"] <= values["latency_p90_s"]
    assert values["latency_s"] == pytest.approx(sorted(measured.samples["latency_s"])[2], rel=0.5)
    assert "step_s" not in measured.samples
    own = {name for name, metric in metrics().items() if metric.measure in {"latency", "throughput"}}
    assert set(values) <= own


@pytest.mark.parametrize("buffers", [1, 2, 3])
def test_input_buffers_take_turns(make_job: MakeJob, tiny: nn.Module, buffers: int) -> None:
    seen: list[int] = []
    rig = build_rig(make_job(), tiny, 4, buffers)
    handle = tiny.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].data_ptr()))
    for _ in range(2 * buffers):
        rig.step()
    handle.remove()
    assert seen[:buffers] == seen[buffers:]
    assert len(set(seen)) == buffers


def test_inputs_are_the_same_each_time_and_differ_between_buffers(make_job: MakeJob) -> None:
    cpu, cell = torch.device("cpu"), make_job().cell
    first, second = random_images(cell, 4, 2, cpu)
    (again,) = random_images(cell, 4, 1, cpu)
    assert first.shape == (4, 3, 32, 48)
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert abs(first.mean().item()) < 0.02
    assert first.std().item() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("precision", ["amp_bf16", "bf16", "amp_fp16", "fp16"])
def test_the_timed_precision_is_compared_with_fp32(
    make_job: MakeJob, tiny: nn.Module, precision: str
) -> None:
    measured = throughput.measure(make_job(precision=precision)).measured
    assert 0 < measured.values["output_rel_error"] < 0.02
    assert "output_mismatch" not in measured.flags
    assert tiny.head.weight.dtype == {"bf16": torch.bfloat16, "fp16": torch.float16}.get(  # type: ignore[union-attr]
        precision, torch.float32
    )


class Overflowing(nn.Module):
    """Finite in fp32, not in fp16."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(300.0))

    def forward(self, x: Tensor) -> Tensor:
        return (x.abs().amax((2, 3)) + 1) * self.scale * self.scale


def test_an_output_that_is_not_finite_is_no_throughput(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo, "load", lambda *_, **__: zoo.Loaded(Overflowing(), None))
    with pytest.raises(CellError, match="the output is not finite"):
        throughput.measure(make_job(precision="fp16"))
    assert throughput.measure(make_job()).measured.values["throughput_img_s"] > 0


def test_other_programs_on_the_gpu_are_flagged(
    make_job: MakeJob, tiny: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job()
    run = timing.time_rig(job, build_rig(job, tiny, 4, 1))
    assert "shared_gpu" not in run.measured({}).flags
    monkeypatch.setattr(type(run.rig.sensor), "foreign_processes", lambda _: 1)
    assert "shared_gpu" in run.measured({}).flags

"""What only a GPU can show; run with `python -m pytest tests/gpu -m gpu`."""

from collections.abc import Callable

import pytest
import torch

from bench.catalog import read
from bench.machine.identity import resolve_device
from bench.machine.present import known
from bench.probes.clock import CudaClock, WallClock
from bench.probes.host import describe
from bench.probes.nvml import sensor_for
from bench.run.launcher import ForkserverLauncher
from bench.run.recipe import Recipe
from bench.spec.cell import Cell
from bench.spec.job import Report
from bench.spec.record import Failed, Measured

pytestmark = pytest.mark.gpu
Launch = Callable[..., Report | Failed]


@pytest.fixture(scope="module")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Launch:
    """Return a function that measures one cell in a fresh worker process on the first GPU."""
    launcher, folder = ForkserverLauncher(), tmp_path_factory.mktemp("gpu")
    device = resolve_device("cuda")
    recipe = Recipe(read.models(), read.tasks(), read.protocols(), folder, device, limit_s=280)

    def run(**fields: object) -> Report | Failed:
        values = {
            "checkpoint": "mambaout_femto",
            "task": "imagenet",
            "task_digest": "0",
            "height_px": 224,
            "width_px": 224,
            "precision": "amp_fp16",
            "measure": "throughput",
            "device": "cuda",
            "protocol": "house",
            "protocol_digest": "0",
            "batch": 64,
        }
        return launcher.launch(recipe.job(Cell.model_validate(values | fields)), folder / "log")

    return run


def measured(ended: Report | Failed) -> Measured:
    assert isinstance(ended, Report), ended
    assert isinstance(ended.outcome, Measured), ended.outcome
    return ended.outcome


def test_events_agree_with_the_wall_when_the_gpu_is_busy() -> None:
    x = torch.randn(4096, 4096, device="cuda")
    device = torch.device("cuda:0")

    def step() -> torch.Tensor:
        return x @ x

    for _ in range(3):
        CudaClock(device).window(step, 20)
    events = CudaClock(device).window(step, 50)
    wall = WallClock(lambda: torch.cuda.synchronize(device)).window(step, 50)
    assert events.device_s == pytest.approx(events.wall_s, rel=0.02)
    assert events.step_s == pytest.approx(wall.step_s, rel=0.05)


def test_the_driver_is_asked_about_the_right_gpu() -> None:
    stamp = sensor_for(resolve_device("cuda")).read()
    assert stamp.sm_clock_mhz is not None
    assert 100 < stamp.sm_clock_mhz < 5000
    assert stamp.temperature_c is not None
    assert 10 < stamp.temperature_c < 100


def test_throughput(launch: Launch) -> None:
    report = launch()
    outcome = measured(report)
    values = outcome.values
    assert values["throughput_img_s"] == pytest.approx(64 / values["step_s"])
    assert len(outcome.samples["step_s"]) >= 10
    assert values["output_rel_error"] < outcome.details["output_rel_error_bound"]  # type: ignore[operator]
    assert outcome.details["timer"] == "cuda_events"
    assert outcome.details["first_step_peak_allocated_bytes"] > 4 * 7_304_536  # type: ignore[operator]
    assert isinstance(report, Report)
    assert report.host.gpu == torch.cuda.get_device_name(0)
    assert report.switches["tf32_matmul"] is False
    assert report.switches["cudnn_benchmark"] is True


def test_a_compiled_network_computes_the_same_and_is_faster(launch: Launch) -> None:
    eager, compiled = measured(launch()), measured(launch(mode="compiled"))
    assert compiled.values["graph_breaks"] == 0
    assert compiled.values["compile_s"] > 0
    assert "output_mismatch" not in compiled.flags
    assert compiled.values["throughput_img_s"] > eager.values["throughput_img_s"]


@pytest.mark.parametrize("precision", ["fp32", "tf32", "amp_bf16", "bf16", "fp16"])
def test_every_precision_computes_the_same(launch: Launch, precision: str) -> None:
    outcome = measured(launch(precision=precision, measure="latency", memory_format="channels_last"))
    assert "output_mismatch" not in outcome.flags, outcome.values["output_rel_error"]


def test_memory(launch: Launch) -> None:
    outcome = measured(launch(measure="memory"))
    values, readings = outcome.values, outcome.details["device_readings"]
    assert isinstance(readings, int)
    assert readings > 2
    assert values["weights_bytes"] == 4 * 7_304_536
    assert values["weights_bytes"] < values["peak_allocated_bytes"] <= values["peak_reserved_bytes"]
    assert values["peak_reserved_bytes"] < values["peak_device_bytes"]


def test_memory_is_the_same_to_the_byte_in_every_process(launch: Launch) -> None:
    first, second = (launch(checkpoint="resnet50", measure="memory", batch=128) for _ in range(2))
    for name in ("peak_allocated_bytes", "peak_reserved_bytes", "warmup_peak_allocated_bytes"):
        assert measured(first).values[name] == measured(second).values[name]
    assert isinstance(first, Report)
    assert first.switches["cudnn_benchmark"] is False


def test_accuracy_runs_without_a_search_and_with_deterministic_algorithms(launch: Launch) -> None:
    first, second = (launch(task="quickstart", measure="accuracy", precision="fp32") for _ in range(2))
    assert measured(first) == measured(second)
    assert isinstance(first, Report)
    assert first.switches["cudnn_benchmark"] is False
    assert first.switches["cudnn_deterministic"] is True


def test_out_of_memory_is_named_and_the_next_cell_runs(launch: Launch) -> None:
    ended = launch(measure="memory", batch=200_000)
    assert isinstance(ended, Report)
    assert isinstance(ended.outcome, Failed)
    assert ended.outcome.reason == "out_of_memory"
    assert "lower `batch` for this model, or use `batch: max`" in ended.outcome.message
    measured(launch(measure="memory"))


def test_the_largest_batch_is_found_without_running_out_of_memory(launch: Launch) -> None:
    outcome = measured(launch(measure="memory", batch="max", height_px=512, width_px=512))
    details = outcome.details
    assert outcome.values["batch_images"] > 128
    assert details["batch_search_verified_bytes"] <= details["batch_search_limit_bytes"]  # type: ignore[operator]
    # the process of these tests computes on that GPU too, and not every driver shows it to others
    assert set(outcome.flags) <= {"shared_gpu"}


def test_the_plan_knows_the_same_of_a_gpu_without_torch() -> None:
    device = resolve_device("cuda")
    host, found = describe(device).model_dump(), known(device)
    assert found == {name: host[name] for name in found}
    assert {"torch", "cuda", "driver", "gpu_power_limit_w"} <= set(found)

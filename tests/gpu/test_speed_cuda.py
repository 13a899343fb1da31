"""Clock, switches, check and batch search on a GPU, in this process; run with `-m gpu`."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from bench.catalog import read
from bench.machine.identity import resolve_device
from bench.probes import switches
from bench.probes.clock import CudaClock
from bench.probes.nvml import NvmlSensor, sensor_for
from bench.probes.windows import Turn, time_in_turn, warm_up
from bench.run.recipe import Recipe
from bench.spec.cell import Cell
from bench.spec.job import Job
from bench.spec.protocol import TimingWindows, WarmupConvergence
from bench.tasks.forward import prepare
from bench.tasks.speed.batch import resolve_batch
from bench.tasks.speed.figures import waits_for_host
from bench.tasks.speed.rig import build_rig

pytestmark = pytest.mark.gpu
DEVICE = torch.device("cuda:0")


@pytest.fixture(autouse=True)
def _switches_put_back() -> Iterator[None]:
    cudnn = torch.backends.cudnn
    before = torch.backends.cuda.matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic
    yield
    torch.backends.cuda.matmul.allow_tf32 = before[0]
    cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic = before[1:]


def job(**fields: object) -> Job:
    values = {
        "checkpoint": "mambaout_femto",
        "task": "imagenet",
        "task_digest": "0",
        "height_px": 64,
        "width_px": 64,
        "precision": "amp_fp16",
        "measure": "throughput",
        "device": "cuda",
        "protocol": "house",
        "protocol_digest": "0",
        "batch": 32,
    }
    recipe = Recipe(
        read.models(), read.tasks(), read.protocols(), Path("data"), resolve_device("cuda"), limit_s=60
    )
    return recipe.job(Cell.model_validate(values | fields))


def network() -> nn.Module:
    torch.manual_seed(0)
    convolutions = [nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.ReLU()) for _ in range(4)]
    return nn.Sequential(
        nn.Conv2d(3, 64, 3), *convolutions, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)
    )


def test_a_busy_gpu_does_not_wait_for_its_host_and_an_idle_one_does() -> None:
    large, small = torch.randn(8192, 8192, device=DEVICE), torch.randn(16, device=DEVICE)
    clock = CudaClock(DEVICE)

    def dawdle() -> torch.Tensor:
        time.sleep(1e-3)
        return small + 1

    clock.window(lambda: large @ large, 3)
    busy = [clock.window(lambda: large @ large, 10) for _ in range(3)]
    clock.window(dawdle, 3)
    idle = [clock.window(dawdle, 50) for _ in range(3)]
    assert not waits_for_host(busy), busy
    assert waits_for_host(idle), idle


def test_windows_repeat_within_a_percent() -> None:
    x = torch.randn(4096, 4096, device=DEVICE)
    clock = CudaClock(DEVICE)
    warmed = warm_up(clock, lambda: x @ x, WarmupConvergence(min_s=0.5, max_s=5.0))
    assert warmed.converged is True
    rule = TimingWindows(min_windows=10, max_windows=30, window_s=0.1, target_spread=0.005, max_s=10.0)
    (timed,) = time_in_turn([Turn(clock, lambda: x @ x, warmed.step_s)], rule)
    assert timed.converged is True
    for window in timed.windows:
        assert window.device_s == pytest.approx(0.1, rel=0.2)
        assert window.device_s <= window.wall_s


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs a second GPU")
def test_events_are_those_of_the_device_that_is_timed() -> None:
    second = torch.device("cuda:1")
    x = torch.randn(8192, 8192, device=second)
    clock = CudaClock(second)
    clock.window(lambda: x @ x, 3)
    window = clock.window(lambda: x @ x, 10)
    assert window.device_s == pytest.approx(window.wall_s, rel=0.05)


@pytest.mark.parametrize(("precision", "changes"), [("fp32", False), ("tf32", True)])
def test_tf32_changes_products_only_where_it_is_on(precision: str, changes: bool) -> None:
    house = read.protocols()["house"]
    switches.apply(house, job(precision=precision).cell.precision)
    x = torch.randn(1024, 1024, device=DEVICE)
    exact = (x.double() @ x.double()).float()
    error = (torch.linalg.vector_norm(x @ x - exact) / torch.linalg.vector_norm(exact)).item()
    assert (error > 1e-5) is changes, error
    with switches.plain_fp32():
        error = (torch.linalg.vector_norm(x @ x - exact) / torch.linalg.vector_norm(exact)).item()
    assert error < 1e-5


@pytest.mark.parametrize("protocol", sorted(read.protocols()))
def test_compiling_works_under_the_switches_of_every_protocol(protocol: str) -> None:
    wanted = job(protocol=protocol, mode="compiled")
    switches.apply(wanted.protocol, "amp_fp16")
    rig = build_rig(wanted, network(), 8, 1)
    assert rig.check.passed, rig.check
    assert rig.prepared.graph_breaks == 0
    assert rig.prepared.compile_s is not None


@pytest.mark.parametrize("memory_format", ["contiguous", "channels_last"])
@pytest.mark.parametrize("precision", ["fp32", "tf32", "amp_fp16", "amp_bf16", "fp16", "bf16"])
def test_every_precision_and_layout_agrees_with_fp32(precision: str, memory_format: str) -> None:
    wanted = job(precision=precision, memory_format=memory_format)
    switches.apply(wanted.protocol, wanted.cell.precision)
    rig = build_rig(wanted, network(), 8, 2)
    assert rig.check.passed, rig.check
    assert torch.isfinite(rig.step()).all()
    assert switches.read_back()["tf32_matmul"] is (precision == "tf32")


def test_a_prepared_network_makes_its_gpu_current() -> None:
    prepared = prepare(network(), job().cell, DEVICE)
    assert torch.cuda.current_device() == 0
    assert prepared.place(torch.randn(2, 3, 64, 64)).device == DEVICE


def test_the_peak_begins_with_the_first_step_of_the_timed_configuration() -> None:
    block = torch.empty(2**30, dtype=torch.uint8, device=DEVICE)
    del block
    build_rig(job(), network(), 8, 1)
    assert torch.cuda.max_memory_allocated(DEVICE) < 2**29


def test_the_largest_batch_fits_without_a_failed_allocation() -> None:
    retries = torch.cuda.memory_stats(DEVICE).get("num_ooms", 0)
    found = resolve_batch(job(batch="max", height_px=512, width_px=512), network())
    limit = found.details["batch_search_limit_bytes"]
    verified = found.details["batch_search_verified_bytes"]
    assert isinstance(limit, float)
    assert isinstance(verified, int)
    assert 64 < found.images <= 4096
    assert 0.5 * limit < verified <= limit or found.images == 4096
    assert torch.cuda.memory_stats(DEVICE).get("num_ooms", 0) == retries


def test_energy_grows_while_the_gpu_works() -> None:
    sensor = sensor_for(resolve_device("cuda"))
    assert isinstance(sensor, NvmlSensor)
    before = sensor.read()
    x = torch.randn(8192, 8192, device=DEVICE)
    CudaClock(DEVICE).window(lambda: x @ x, 100)
    after = sensor.read()
    assert before.energy_j is not None
    assert after.energy_j is not None
    assert after.energy_j > before.energy_j

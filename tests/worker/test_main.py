"""The life of a worker, and what importing it must not do."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from bench.catalog import read
from bench.machine.identity import Device, machine_slug, resolve_device, usable_cpu_count
from bench.run.recipe import Recipe
from bench.spec.cell import MEASURES, Cell, Measure
from bench.spec.errors import MissingData
from bench.spec.job import Job, Report
from bench.spec.record import Failed, Measured
from bench.tasks.contract import TaskResult
from bench.worker import main

ROOT = Path(__file__).parents[2]
Task = Callable[[Job], TaskResult]


@pytest.fixture(autouse=True)
def _torch_put_back() -> Iterator[None]:
    cudnn, threads = torch.backends.cudnn, torch.get_num_threads()
    before = torch.backends.cuda.matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic
    yield
    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.allow_tf32 = before[0]
    cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic = before[1:]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    cell = Cell(
        checkpoint="mambaout_femto",
        task="imagenet",
        task_digest="0",
        height_px=224,
        width_px=224,
        precision="fp32",
        measure="throughput",
        device="cpu",
        protocol="timm",
        protocol_digest="0",
    )
    device = Device("cpu", 0, "some CPU")
    return Recipe(read.models(), read.tasks(), read.protocols(), tmp_path, device, limit_s=60).job(cell)


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> Callable[[Task], None]:
    """Put a function in the place of every measure."""

    def put(function: Task) -> None:
        monkeypatch.setattr(sys.modules[__name__], "measure", function, raising=False)
        for name in MEASURES:
            monkeypatch.setitem(main.TASKS, name, f"{__name__}:measure")

    return put


def test_a_measurement_is_reported_with_host_switches_and_inputs(
    job: Job, task: Callable[[Task], None]
) -> None:
    seen: list[tuple[bool, int]] = []

    def measure(given: Job) -> TaskResult:
        assert given == job
        seen.append((torch.backends.cudnn.allow_tf32, torch.get_num_threads()))
        return TaskResult(Measured(values={"throughput_img_s": 2.0}), "d" * 12, "w" * 64, "tar:0")

    task(measure)
    report = main.run(job)
    assert report.outcome == Measured(values={"throughput_img_s": 2.0})
    assert (report.data_fingerprint, report.weights_sha256) == ("d" * 12, "w" * 64)
    assert report.data_listing == "tar:0"
    assert report.host.machine == machine_slug(resolve_device("cpu"))
    # timm's protocol forces TF32 on, before the task runs
    assert seen == [(True, usable_cpu_count())]
    assert report.switches == {
        "tf32_matmul": True,
        "tf32_cudnn": True,
        "cudnn_benchmark": True,
        "cudnn_deterministic": False,
        "cpu_threads": usable_cpu_count(),
    }
    assert Report.model_validate_json(report.model_dump_json()) == report


@pytest.mark.parametrize("protocol", sorted(read.protocols()))
@pytest.mark.parametrize("fails", [False, True], ids=["measured", "failed"])
@pytest.mark.parametrize(
    ("measured", "search", "deterministic"),
    [("accuracy", False, True), ("memory", False, None), ("throughput", True, None), ("latency", True, None)],
)
def test_what_is_compared_exactly_runs_without_a_search(
    job: Job,
    task: Callable[[Task], None],
    *,
    protocol: str,
    measured: Measure,
    search: bool,
    deterministic: bool | None,
    fails: bool,
) -> None:
    rules = read.protocols()[protocol]
    cell = job.cell.model_copy(update={"measure": measured})
    cudnn, seen = torch.backends.cudnn, []

    def measure(_: Job) -> TaskResult:
        seen.append((cudnn.benchmark, cudnn.deterministic))
        if fails:
            raise ValueError("broken on purpose")
        return TaskResult(Measured(values={}))

    task(measure)
    report = main.run(job.model_copy(update={"cell": cell, "protocol": rules}))
    expected = (search, rules.cudnn_deterministic if deterministic is None else deterministic)
    assert rules.cudnn_benchmark is True
    assert seen == [expected]
    assert (report.switches["cudnn_benchmark"], report.switches["cudnn_deterministic"]) == expected
    assert (cudnn.benchmark, cudnn.deterministic) == (True, rules.cudnn_deterministic)


def test_an_error_is_a_report_and_its_traceback_goes_to_the_log(
    job: Job, task: Callable[[Task], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(_: Job) -> TaskResult:
        raise ValueError("broken on purpose")

    task(measure)
    report = main.run(job)
    assert report.outcome == Failed(reason="error", message="ValueError: broken on purpose")
    assert report.switches["tf32_matmul"] is True
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback (most recent call last)" in printed.err
    assert "in measure" in printed.err


@pytest.mark.parametrize("fails", [False, True], ids=["measured", "failed"])
@pytest.mark.parametrize(
    ("key", "chosen", "expected"),
    [
        ("mambaout_femto", {}, (None, None)),
        ("vmamba_tiny_s1l8", {}, ("torch", None)),
        ("local_vmamba_tiny", {}, ("torch", False)),
        ("localvim_tiny", {"scan_backend": "reference", "true_inverse": True}, ("reference", True)),
    ],
)
def test_a_report_says_how_the_selective_scan_ran(  # noqa: PLR0917
    job: Job,
    task: Callable[[Task], None],
    key: str,
    chosen: dict[str, object],
    expected: tuple[str | None, bool | None],
    fails: bool,
) -> None:
    def measure(_: Job) -> TaskResult:
        if fails:
            raise ValueError("broken on purpose")
        return TaskResult(Measured(values={}))

    task(measure)
    cell = job.cell.model_copy(update={"checkpoint": key, **chosen})
    report = main.run(job.model_copy(update={"cell": cell, "card": read.models()[key]}))
    assert (report.scan_backend, report.true_inverse) == expected
    assert isinstance(report.outcome, Failed) is fails


def test_a_scan_backend_that_cannot_run_ends_the_cell_before_it_starts(
    job: Job, task: Callable[[Task], None]
) -> None:
    task(lambda _: pytest.fail("measured"))
    cell = job.cell.model_copy(update={"checkpoint": "vim_tiny", "scan_backend": "triton"})
    report = main.run(job.model_copy(update={"cell": cell, "card": read.models()["vim_tiny"]}))
    assert report.outcome == Failed(
        reason="unsupported",
        message="scan backend 'triton' needs a CUDA tensor, not one on cpu; use 'torch'",
    )


def test_errors_of_the_bench_keep_their_kind(job: Job, task: Callable[[Task], None]) -> None:
    def measure(_: Job) -> TaskResult:
        raise MissingData("no images at data/imagenet")

    task(measure)
    assert main.run(job).outcome == Failed(reason="missing_data", message="no images at data/imagenet")


def test_a_device_that_went_away_is_a_report_too(job: Job) -> None:
    report = main.run(job.model_copy(update={"device": "cuda:7"}))
    assert isinstance(report.outcome, Failed)
    assert report.outcome.reason == "unsupported"
    assert "cuda:7" in report.outcome.message


def test_interrupts_are_not_swallowed(job: Job, task: Callable[[Task], None]) -> None:
    def measure(_: Job) -> TaskResult:
        raise KeyboardInterrupt

    task(measure)
    with pytest.raises(KeyboardInterrupt):
        main.run(job)


def test_every_measure_has_a_task() -> None:
    assert set(main.TASKS) == set(MEASURES)
    for target in main.TASKS.values():
        module, _, function = target.partition(":")
        source = (ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8")
        assert f"\ndef {function}(job: Job) -> TaskResult:" in source


def test_importing_starts_neither_cuda_nor_threads() -> None:
    """Workers are forked from a process that has imported it, and a thread does not survive a fork."""
    script = """
        import sys, threading
        from pathlib import Path
        import torch, timm, bench.worker.main
        print(torch.cuda.is_initialized(), threading.active_count())
        tasks = Path("/proc/self/task")
        print(len(list(tasks.iterdir())) if tasks.exists() else 1)
        heavy = ("bench.tasks.", "bench.zoo", "fvcore")
        print(sorted(name for name in sys.modules if name.startswith(heavy)))
    """
    # the pool of numpy's OpenBLAS starts at its import and survives a fork; it is not what is looked for
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", textwrap.dedent(script)]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == ["False 1", "1", "['bench.tasks.contract']"]

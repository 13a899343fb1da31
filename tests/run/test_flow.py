"""Whole runs in processes of their own, interrupted and killed; nothing stays behind, nothing is lost."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bench.spec.job import Job
from bench.spec.record import Failed
from bench.store.files import Store
from bench.store.lock import one_writer

ROOT = Path(__file__).parents[2]
FAKES = Path(__file__).parent / "fakes"
Drive = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Drive]:
    """Start the driver in a session and a folder of its own; `preload_s` slows its server down."""
    started: list[subprocess.Popen[str]] = []

    def drive(*heights: int, preload_s: float = 0, module: bool = False) -> subprocess.Popen[str]:
        main = ["-m", "drive"] if module else [str(FAKES / "drive.py")]
        command = [sys.executable, *main, str(tmp_path), *map(str, heights)]
        paths = os.pathsep.join([str(ROOT), str(FAKES)])
        environment = {**os.environ, "PYTHONPATH": paths, "FAKE_PRELOAD_S": str(preload_s)}
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command,
            stdout=pipe,
            stderr=pipe,
            text=True,
            env=environment,
            cwd=tmp_path,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield drive
    for process in started:
        process.kill()
        process.communicate()


def wait_until(condition: Callable[[], bool], limit_s: float = 15) -> None:
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.01)


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return the process and everything it started: server, tracker, worker, guard, descendants."""
    parent = psutil.Process(process.pid)
    return [parent, *parent.children(recursive=True)]


def ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def all_end(processes: list[psutil.Process]) -> bool:
    wait_until(lambda: all(ended(process) for process in processes))
    return True


def outcomes(root: Path) -> list[tuple[int, str]]:
    records, problems = Store(root).records()
    assert problems == ()
    found = (
        (record.cell.height_px, record.outcome.reason if isinstance(record.outcome, Failed) else "measured")
        for record in records
    )
    return sorted(found)


@pytest.mark.parametrize("module", [False, True], ids=["script", "module"])
def test_a_run_from_start_to_end(drive: Drive, tmp_path: Path, module: bool) -> None:
    process = drive(224, 256, 352, module=module)
    out, err = process.communicate()
    assert (process.returncode, err) == (1, "")
    assert json.loads(out.splitlines()[-1]) == [1, 2, False]
    assert outcomes(tmp_path) == [(224, "measured"), (256, "crash"), (352, "crash")]
    # no worker runs the main program once more
    assert (tmp_path / "main_ran").read_text() == "__main__\n"
    again = drive(224, module=module).communicate()[0].splitlines()
    assert again == ["skipped 224", "[0, 0, false]"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_of_the_whole_group_ends_cleanly_and_resumes(
    drive: Drive, tmp_path: Path, number: signal.Signals
) -> None:
    process = drive(224, 288, 256)
    wait_until((tmp_path / "hanging").exists)
    processes = family(process)
    # what a terminal does on Ctrl-C
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=15)
    assert (process.returncode, err) == (130, "")
    assert out.splitlines()[-2:] == ["started 288", "[1, 0, true]"]
    assert outcomes(tmp_path) == [(224, "measured")]
    assert len(processes) == 8
    assert all_end(processes)
    resumed = drive(224, 256).communicate()[0].splitlines()
    assert resumed == ["skipped 224", "started 256", "failed 256", "[0, 1, false]"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_the_server_imports(drive: Drive, tmp_path: Path, number: signal.Signals) -> None:
    process = drive(224, preload_s=3)
    assert process.stdout is not None
    assert process.stdout.readline() == "started 224\n"
    time.sleep(0.5)
    processes = family(process)
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=15)
    assert (process.returncode, err) == (130, "")
    assert outcomes(tmp_path) == []
    assert all_end(processes)


@pytest.mark.parametrize("with_server", [False, True], ids=["parent", "parent and server"])
@pytest.mark.parametrize("height_px", [288, 320], ids=["asleep", "in native code"])
def test_a_killed_parent_leaves_nothing_running_and_loses_nothing(
    drive: Drive, tmp_path: Path, height_px: int, with_server: bool
) -> None:
    process = drive(224, height_px)
    wait_until((tmp_path / "hanging").exists)
    processes = family(process)
    assert len(processes) == (8 if height_px == 288 else 6)
    server = [each for each in processes[0].children() if "multiprocessing.forkserver" in each.cmdline()[-1]]
    assert len(server) == 1
    for each in [processes[0], *(server if with_server else [])]:
        each.kill()
    assert all_end(processes)
    assert outcomes(tmp_path) == [(224, "measured")]
    with one_writer(tmp_path):
        pass
    assert [path.name for path in tmp_path.rglob("*.partial")] == []


def test_a_second_run_is_refused_while_the_first_goes_on(drive: Drive, tmp_path: Path) -> None:
    first = drive(288)
    wait_until((tmp_path / "hanging").exists)
    second = drive(224)
    out, err = second.communicate()
    assert (second.returncode, out) == (2, "")
    assert err.startswith(f"{tmp_path}: process {first.pid}, since ")
    assert err.endswith(
        ", is writing results there; wait for it, or name another folder with --results DIR\n"
    )
    assert first.poll() is None


def test_modules_are_imported_once_and_in_the_server(tmp_path: Path, make_job: Callable[..., Job]) -> None:
    (tmp_path / "job.json").write_text(make_job().model_dump_json())
    (tmp_path / "look.py").write_text(LOOK)
    # the folder of the script is all that Python adds here, as in `python run_bench.py`
    environment = {**os.environ, "PYTHONPATH": str(FAKES)}
    command = [sys.executable, "look.py", str(ROOT)]
    result = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    parent, *workers = json.loads(result.stdout)
    servers = {worker["loaded_in"] for worker in workers}
    assert len({worker["pid"] for worker in workers}) == 3
    assert len(servers) == 1
    assert not servers & {parent["pid"], *(worker["pid"] for worker in workers)}
    assert parent == {"pid": parent["pid"], "loaded": False, "path": str(FAKES)}
    assert all(worker["path"] == os.pathsep.join([str(ROOT), str(FAKES)]) for worker in workers)


LOOK = """
import json, os, sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])

from bench.run.launcher import ForkserverLauncher
from bench.spec.job import Job

launcher = ForkserverLauncher("fake_worker:look_around", preload=("fake_preload",))
launcher.warm_up()
job, found = Job.model_validate_json(Path("job.json").read_text()), []
for _ in range(3):
    outcome = launcher.launch(job, Path("log")).outcome
    found.append(outcome.values | outcome.details)
parent = {"pid": os.getpid(), "loaded": "fake_preload" in sys.modules, "path": os.environ["PYTHONPATH"]}
print(json.dumps([parent, *found]))
"""

"""Every way a worker can end, with real processes."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import bench
from bench.run.ending import Ended
from bench.run.launcher import ForkserverLauncher, ServerLost
from bench.spec.job import Job, Report
from bench.spec.record import Failed, Measured

MakeJob = Callable[..., Job]
Launch = Callable[..., Ended]

pytestmark = pytest.mark.usefixtures("fakes")


@pytest.fixture
def launch(tmp_path: Path, make_job: MakeJob) -> Launch:
    def launch(function: str, limit_s: float = 60) -> Ended:
        launcher = ForkserverLauncher(f"fake_worker:{function}", preload=())
        return launcher.launch(make_job(limit_s), tmp_path / "log")

    return launch


def measured(ended: Ended) -> Measured:
    assert isinstance(ended, Report), ended
    assert isinstance(ended.outcome, Measured)
    return ended.outcome


def failed(ended: Ended) -> Failed:
    assert isinstance(ended, Failed)
    return ended


def servers() -> list[psutil.Process]:
    mine = psutil.Process().children()
    return [process for process in mine if "multiprocessing.forkserver" in " ".join(process.cmdline())]


def server() -> psutil.Process:
    return servers()[0]


def running(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def wait_until(condition: Callable[[], bool], limit_s: float = 10) -> None:
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.01)


def test_what_a_worker_could_not_finish_writing_is_removed(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "log.report.partial").write_text("{", encoding="utf-8")
    failed(launch("leave_nothing"))
    assert list(tmp_path.glob("*report*")) == []


def test_a_report_comes_back_whole(launch: Launch, tmp_path: Path) -> None:
    ended = launch("quick")
    outcome = measured(ended)
    assert outcome.values["height_px"] == 224
    assert isinstance(ended, Report)
    assert (ended.switches, ended.data_fingerprint) == ({"tf32": False}, "f" * 12)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log"]


def test_what_a_worker_finds_itself_in(launch: Launch) -> None:
    # another test may have started one that has imported torch
    for process in servers():
        process.kill()
        wait_until(lambda lost=process: not running(lost))
    before = "torch" in sys.modules
    details = measured(launch("look_around")).details
    path = details.pop("path")
    assert isinstance(path, str)
    assert path.split(os.pathsep)[0] == str(Path(bench.__file__).parents[1])
    assert details == {
        "main": "__main__",
        "leads_a_session": True,
        "blocked_signals": 0,
        "interrupt_is_default": True,
        "start_method": None,
        "torch": False,
        "folder": str(Path.cwd()),
        "loaded_in": None,
    }
    assert ("torch" in sys.modules) == before


def test_every_job_has_a_process_of_its_own(launch: Launch) -> None:
    pids = {measured(launch("quick")).values["pid"] for _ in range(3)}
    assert len(pids) == 3
    assert os.getpid() not in pids


@pytest.mark.timing
def test_a_further_worker_costs_next_to_nothing(launch: Launch) -> None:
    launch("quick")
    before_s = time.monotonic()
    launch("quick")
    assert time.monotonic() - before_s < 0.5


@pytest.mark.timing
def test_the_parent_waits_without_working(launch: Launch) -> None:
    launch("quick")
    before_s, before_cpu_s = time.monotonic(), time.process_time()
    launch("sleep_a_second")
    assert time.monotonic() - before_s >= 1
    assert time.process_time() - before_cpu_s < 0.1


def test_warming_up_does_not_block_and_can_be_repeated(launch: Launch) -> None:
    launcher = ForkserverLauncher(preload=())
    before_s = time.monotonic()
    launcher.warm_up()
    first = server().pid
    launcher.warm_up()
    assert time.monotonic() - before_s < 1
    assert server().pid == first
    assert not {signal.SIGINT, signal.SIGTERM} & signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_an_error_ends_in_its_traceback(launch: Launch) -> None:
    outcome = failed(launch("raise_an_error"))
    assert (outcome.reason, outcome.message) == ("crash", "the worker ended with exit code 1")
    assert outcome.log_tail.endswith("RuntimeError: no such kernel")


def test_a_missing_worker_is_a_crash_that_says_so(launch: Launch) -> None:
    assert "has no attribute 'nothing'" in failed(launch("nothing")).log_tail


def test_an_exit_code(launch: Launch) -> None:
    outcome = failed(launch("chatter"))
    assert outcome.message == "the worker ended with exit code 3"
    assert outcome.log_tail.splitlines() == [*(f"line {n}" for n in range(61, 100)), "to the other stream"]


def test_a_segmentation_fault(launch: Launch) -> None:
    outcome = failed(launch("segfault"))
    assert (outcome.reason, outcome.message) == ("crash", "the worker was ended by SIGSEGV")
    assert "before the fault" in outcome.log_tail
    # where in Python it was
    assert "in segfault" in outcome.log_tail


def test_a_killed_worker(launch: Launch) -> None:
    outcome = failed(launch("be_killed"))
    assert (outcome.reason, outcome.message, outcome.log_tail) == (
        "crash",
        "the worker was ended by SIGKILL: perhaps the machine ran out of memory",
        "",
    )


def test_no_report(launch: Launch) -> None:
    assert failed(launch("leave_nothing")).message == "the worker ended without a report"


def test_half_a_report(launch: Launch, tmp_path: Path) -> None:
    assert failed(launch("leave_half_a_file")).message == "the worker left a report that cannot be read"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log"]


def test_a_number_that_is_not_finite_fails_the_cell(launch: Launch) -> None:
    ended = launch("measure_nan")
    assert isinstance(ended, Report)
    assert ended.outcome == Failed(
        reason="error", message="not a finite number: outcome.values.img_s is nan", log_tail=""
    )


def test_a_failure_that_the_worker_reports_gets_the_log(launch: Launch) -> None:
    ended = launch("fail_politely")
    assert isinstance(ended, Report)
    assert ended.outcome == Failed(
        reason="out_of_memory", message="2 GiB more than there are", log_tail="what led to it"
    )


def test_a_tail_of_its_own_is_kept(launch: Launch) -> None:
    ended = launch("fail_with_a_tail")
    assert isinstance(ended, Report)
    assert ended.outcome == Failed(reason="error", message="m", log_tail="its own tail")


@pytest.mark.parametrize("function", ["hang", "hang_in_native_code"])
def test_a_time_out_ends_the_worker_and_its_descendants(launch: Launch, function: str) -> None:
    launch("quick")
    outcome = failed(launch(function, limit_s=0.7))
    assert (outcome.reason, outcome.message) == ("timeout", "stopped after its time limit of 0.7 s")
    wait_until(lambda: not [process for process in server().children(recursive=True) if running(process)])


def test_what_a_finished_worker_leaves_running_is_ended(launch: Launch) -> None:
    forgotten = measured(launch("forget_a_descendant")).values["forgotten"]
    wait_until(lambda: not psutil.pid_exists(int(forgotten)) or not running(psutil.Process(int(forgotten))))


def test_a_dead_server_is_not_the_fault_of_the_cell(launch: Launch, tmp_path: Path) -> None:
    launch("quick")
    first = server()
    worker: list[psutil.Process] = []

    def kill_the_server(*_: object) -> None:
        worker.extend(first.children(recursive=True))
        first.kill()

    before = signal.signal(signal.SIGALRM, kill_the_server)
    signal.setitimer(signal.ITIMER_REAL, 0.7)
    try:
        with pytest.raises(ServerLost, match="the fork server ended while a worker was running"):
            launch("hang")
    finally:
        signal.signal(signal.SIGALRM, before)
    # the worker, its guard, one each by exec, multiprocessing and fork
    assert len(worker) == 5
    wait_until(lambda: not [process for process in worker if running(process)])
    assert measured(launch("quick")).values["height_px"] == 224
    assert server().pid != first.pid


def test_an_exception_in_the_parent_ends_the_worker(launch: Launch, tmp_path: Path) -> None:
    launch("quick")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.7)
    try:
        with pytest.raises(KeyboardInterrupt):
            launch("hang")
    finally:
        signal.signal(signal.SIGALRM, before)
    assert (tmp_path / "hanging").exists()
    wait_until(lambda: not [process for process in server().children(recursive=True) if running(process)])

# ruff: noqa: T201
"""Stands for `bench.worker.main`: workers that end in every way a worker can end."""

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

from pydantic import JsonValue

from bench.run import child
from bench.spec.job import Job, Report
from bench.spec.record import Failed, Host, Measured

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def report(outcome: Measured | Failed) -> Report:
    host = Host(machine="as the worker calls it", device="cpu", cpu="W", cpu_count=1, os="O", python="3")
    return Report(outcome=outcome, host=host, switches={"tf32": False}, data_fingerprint="f" * 12)


def quick(job: Job) -> Report:
    return report(Measured(values={"height_px": job.cell.height_px, "pid": os.getpid()}))


def look_around(job: Job) -> Report:
    """Tell what a worker finds itself in."""
    details: dict[str, JsonValue] = {
        "main": sys.modules["__main__"].__name__,
        "leads_a_session": os.getsid(0) == os.getpid(),
        "blocked_signals": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "interrupt_is_default": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
        "torch": "torch" in sys.modules,
        "folder": str(Path.cwd()),
        "start_method": multiprocessing.get_start_method(allow_none=True),
        "path": os.environ.get("PYTHONPATH"),
        "loaded_in": getattr(sys.modules.get("fake_preload"), "LOADED_IN", None),
    }
    return report(Measured(values={"pid": os.getpid()}, details=details))


def sleep_a_second(job: Job) -> Report:
    time.sleep(1)
    return quick(job)


def raise_an_error(job: Job) -> NoReturn:
    raise RuntimeError("no such kernel")


def fail_politely(job: Job) -> Report:
    print("what led to it")
    return report(Failed(reason="out_of_memory", message="2 GiB more than there are"))


def fail_with_a_tail(job: Job) -> Report:
    print("not this")
    return report(Failed(reason="error", message="m", log_tail="its own tail"))


def chatter(job: Job) -> NoReturn:
    for number in range(100):
        print(f"line {number}")
    print("to the other stream", file=sys.stderr)
    os._exit(3)


def segfault(job: Job) -> NoReturn:
    print("before the fault")
    ctypes.string_at(0)
    raise AssertionError


def be_killed(job: Job) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def leave_nothing(job: Job) -> NoReturn:
    os._exit(0)


def leave_half_a_file(job: Job) -> Report:
    setattr(child, "to_json", lambda _: '{"outcome": {"kind": "meas')  # noqa: B010
    return quick(job)


def measure_nan(job: Job) -> Report:
    return report(Measured(values={"img_s": float("nan")}))


def hang(job: Job) -> NoReturn:
    """Hang like a stuck data loader: descendants of every kind, all asleep."""
    subprocess.Popen(SLEEP)
    multiprocessing.Process(target=time.sleep, args=(600,)).start()
    if os.fork() == 0:
        time.sleep(600)
    (Path(job.data_dir) / "hanging").touch()
    time.sleep(600)
    raise AssertionError


def hang_in_native_code(job: Job) -> NoReturn:
    """Hang without letting any Python run in this process."""
    subprocess.Popen(SLEEP)
    (Path(job.data_dir) / "hanging").touch()
    ctypes.PyDLL(None).sleep(600)
    raise AssertionError


def forget_a_descendant(job: Job) -> Report:
    return report(Measured(values={"forgotten": subprocess.Popen(SLEEP).pid}))


BY_HEIGHT = {224: quick, 256: raise_an_error, 288: hang, 320: hang_in_native_code, 352: be_killed}


def by_height(job: Job) -> Report:
    return BY_HEIGHT[job.cell.height_px](job)

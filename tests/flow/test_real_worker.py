"""The real command with real workers: what goes wrong in one cell costs nothing that was measured."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.flow.conftest import ROOT, Bench

WriteSuite = Callable[..., str]


def outcomes(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the newest outcome of every cell by its measure."""
    found = {}
    for path in sorted((folder / "results" / "records").rglob("*.json"), key=lambda path: path.name[-24:]):
        record = json.loads(path.read_text(encoding="utf-8"))
        found[record["cell"]["measure"]] = record["outcome"]
    return found


def test_a_corrupt_image_is_named_and_the_other_cells_go_on(
    bench: Bench, write_suite: WriteSuite, tmp_path: Path
) -> None:
    suite = write_suite(measures="[accuracy, complexity]", weights="random")
    assert bench(suite, "--only", "*/accuracy/*").code == 0
    image = sorted((tmp_path / "data").rglob("*.jpg"))[7]
    image.write_bytes(image.read_bytes()[:200])
    # these are no longer the images of the score, so it is not done
    assert "measured with other images than those of data/quickstart/val" in bench(suite, "--plan").out
    ended = bench(suite)
    assert ended.code == 1
    found = outcomes(tmp_path)
    assert found["accuracy"]["reason"] == "bad_data"
    assert f"1 of 80 files are not as they were made ({image.parent.name}/{image.name})" in ended.err
    assert found["complexity"]["kind"] == "measured"


def test_a_killed_worker_fails_its_cell_only(write_suite: WriteSuite, tmp_path: Path) -> None:
    suite = write_suite(models="[mambaout_femto]", measures="[throughput, complexity]", resolutions="[224]")
    run = start(tmp_path, suite)
    worker = wait_for(lambda: busy_worker(run.pid))
    worker.kill()
    assert run.wait(120) == 1
    found = outcomes(tmp_path)
    assert found["throughput"]["reason"] == "crash"
    assert "ended by SIGKILL: perhaps the machine ran out of memory" in found["throughput"]["message"]
    said = (tmp_path / "run.log").read_text(encoding="utf-8")
    assert (
        "failed: mambaout_femto/quickstart/224x224/fp32/throughput; its output: results/local/logs/" in said
    )
    assert found["complexity"]["kind"] == "measured"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_a_run_that_is_ended_goes_on_where_it_stopped(
    bench: Bench, write_suite: WriteSuite, tmp_path: Path, number: signal.Signals
) -> None:
    suite = write_suite(models="[mambaout_femto]", measures="[complexity, throughput]", resolutions="[224]")
    run = start(tmp_path, suite)
    wait_for(lambda: "complexity" in outcomes(tmp_path) and busy_worker(run.pid))
    family = [*psutil.Process(run.pid).children(recursive=True)]
    os.killpg(run.pid, number)
    assert run.wait(60) == (130 if number == signal.SIGINT else -signal.SIGKILL)
    assert psutil.wait_procs(family, timeout=30)[1] == []
    assert list(outcomes(tmp_path)) == ["complexity"]
    ended = bench(suite, "--only", "*/complexity")
    assert ended.code == 0
    assert "1 cell: 0 measured, 1 already done" in ended.err


def start(folder: Path, suite: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(ROOT / "run_bench.py"), suite]
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    with (folder / "run.log").open("wb") as log:
        return subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True)


def wait_for(found: Callable[[], Any], limit_s: float = 120) -> Any:
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        value = found()
        if value:
            return value
        time.sleep(0.1)
    raise TimeoutError("it did not happen")


def busy_worker(parent: int) -> psutil.Process | None:
    """Return the worker that measures: the leader of a session of its own that has used the CPU."""
    for process in psutil.Process(parent).children(recursive=True):
        try:
            leads = os.getsid(process.pid) == process.pid
            if leads and process.cpu_times().user > 0.5:
                return process
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue
    return None

"""One writer per results folder, with real processes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from bench.spec.errors import Busy, UserError
from bench.store import lock
from bench.store.lock import one_writer

HOLD = (
    "import sys\n"
    "from pathlib import Path\n"
    "from bench.store.lock import one_writer\n"
    "with one_writer(Path(sys.argv[1])):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.read()\n"
)


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, str(folder)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_run_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        signature = json.loads((tmp_path / ".lock").read_text())
        with pytest.raises(Busy) as caught, one_writer(tmp_path):
            pass
    assert signature["pid"] == process.pid
    assert str(caught.value) == (
        f"{tmp_path}: process {process.pid}, since {signature['started_utc']}, is writing results there; "
        "wait for it, or name another folder with --results DIR"
    )


def test_another_folder_is_free(tmp_path: Path) -> None:
    with holder(tmp_path / "a"), one_writer(tmp_path / "b"):
        assert (tmp_path / "b" / ".lock").exists()


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with one_writer(tmp_path):
            assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()


def test_the_lock_can_be_taken_again_and_again(tmp_path: Path) -> None:
    for _ in range(3):
        with one_writer(tmp_path):
            pass


def test_an_error_inside_lets_go(tmp_path: Path) -> None:
    with pytest.raises(KeyError), one_writer(tmp_path):
        raise KeyError
    with one_writer(tmp_path):
        pass


@pytest.mark.parametrize("signature", ["", "{", "[]", '{"pid": 1}'])
def test_a_holder_that_has_not_signed_yet(tmp_path: Path, signature: str) -> None:
    with holder(tmp_path):
        (tmp_path / ".lock").write_text(signature)
        with pytest.raises(Busy, match="another process is writing results there"), one_writer(tmp_path):
            pass


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match="cannot write results: Not a directory"),
        one_writer(tmp_path / "file" / "x"),
    ):
        pass


def test_a_system_without_such_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "fcntl", None)
    with one_writer(tmp_path), one_writer(tmp_path):
        assert (tmp_path / ".lock").exists()


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with one_writer(tmp_path), one_writer(tmp_path):
        assert (tmp_path / ".lock").exists()

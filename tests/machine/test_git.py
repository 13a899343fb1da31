"""The commit and the dirty flag of the bench's own source tree."""

import os
import subprocess
from pathlib import Path

import pytest

from bench.machine import git

IDENTITY = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")


def call(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *IDENTITY, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "code.py").write_text("x = 1\n")
    (tmp_path / "README.md").write_text("first\n")
    call(tmp_path, "init", "-q")
    call(tmp_path, "add", ".")
    call(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_a_clean_checkout(checkout: Path) -> None:
    assert git.revision(checkout) == (call(checkout, "rev-parse", "HEAD"), False)


@pytest.mark.parametrize("name", ["bench/code.py", "bench/new_card.yaml"])
def test_a_changed_or_new_file_of_the_bench_is_dirty(checkout: Path, name: str) -> None:
    (checkout / name).write_text("x = 2\n")
    assert git.revision(checkout) == (call(checkout, "rev-parse", "HEAD"), True)


@pytest.mark.parametrize("name", ["README.md", "results.json"])
def test_files_beside_the_bench_do_not_count(checkout: Path, name: str) -> None:
    (checkout / name).write_text("second\n")
    assert git.revision(checkout)[1] is False


def test_a_folder_inside_another_checkout_is_none(checkout: Path) -> None:
    assert git.revision(checkout / "bench") == (None, None)


def test_no_checkout(tmp_path: Path) -> None:
    assert git.revision(tmp_path) == (None, None)


def test_a_checkout_without_a_commit(tmp_path: Path) -> None:
    call(tmp_path, "init", "-q")
    assert git.revision(tmp_path) == (None, None)


def test_no_git_installed(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    assert git.revision(checkout) == (None, None)


def test_a_git_that_hangs(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(git, "LIMIT_S", 0.2)
    assert git.revision(checkout) == (None, None)


@pytest.mark.parametrize(
    ("stated", "found"),
    [("0a1b", ("0a1b", False)), ("0a1b-dirty", ("0a1b", True)), ("", (None, None))],
)
def test_a_copy_without_git_can_state_its_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: str, found: tuple[str | None, bool | None]
) -> None:
    monkeypatch.setenv("BENCH_GIT_COMMIT", stated)
    assert git.revision(tmp_path) == found
    call(tmp_path, "init")
    assert git.revision(tmp_path) == found

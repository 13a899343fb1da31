"""A file is there whole or not at all."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from bench.store.atomic import replace, write_once


def test_writes_the_text_and_nothing_else(tmp_path: Path) -> None:
    write_once(tmp_path / "a.json", "größe\n")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == "größe\n"


def test_a_second_write_is_an_error_and_changes_nothing(tmp_path: Path) -> None:
    write_once(tmp_path / "a.json", "first")
    with pytest.raises(FileExistsError):
        write_once(tmp_path / "a.json", "second")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.json", "first")]


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: whole(descriptor, bytes(data)[:3]))
    write_once(tmp_path / "a.json", "0123456789")
    assert (tmp_path / "a.json").read_text() == "0123456789"


def test_a_disk_that_fills_up_midway_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.write
    calls: list[int] = []

    def fill(descriptor: int, data: bytes) -> int:
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return whole(descriptor, bytes(data)[:4])

    monkeypatch.setattr(os, "write", fill)
    with pytest.raises(OSError, match="No space left"):
        write_once(tmp_path / "a.json", "0123456789")
    assert calls == [10, 6]
    assert list(tmp_path.iterdir()) == []


def test_a_file_size_limit_leaves_nothing(tmp_path: Path) -> None:
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from bench.store.atomic import replace, write_once\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))\n"
        "try:\n"
        "    write_once(Path(sys.argv[1]), 'x' * 5000)\n"
        "except OSError as error:\n"
        "    print(error.errno)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "a.json")]
    result = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert result.stdout.strip() == str(errno.EFBIG)
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    write_once(tmp_path / "a.json", "first")
    with pytest.raises(FileExistsError):
        write_once(tmp_path / "a.json", "second")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.json", "first")]


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    for text in ("first, and longer", "second"):
        replace(path, text)
        assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_file_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.md"
    replace(path, "first")

    def fill(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", fill)
    with pytest.raises(OSError, match="No space left"):
        replace(path, "second")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]

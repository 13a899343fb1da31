"""Peaks of this process, really read from the system."""

from pathlib import Path

import numpy as np
import psutil
import pytest

from bench.probes import process

MIB = 2**20


def test_a_peak_is_kept_until_it_is_reset() -> None:
    assert process.reset_peak()
    before = process.peak_bytes()
    block = np.ones(200 * MIB, dtype=np.uint8)
    del block
    grown = process.peak_bytes() - before
    assert 190 * MIB < grown < 260 * MIB
    assert process.reset_peak()
    assert process.peak_bytes() < before + 60 * MIB


def test_resident_size_is_that_of_the_system() -> None:
    assert process.resident_bytes() == pytest.approx(psutil.Process().memory_info().rss, rel=0.05)


def test_a_system_without_proc_gives_the_peak_since_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process, "CLEAR_REFS", tmp_path / "none" / "clear_refs")
    monkeypatch.setattr(process, "STATUS", tmp_path / "status")
    assert not process.reset_peak()
    assert process.peak_bytes() >= process.resident_bytes() * 0.9


@pytest.mark.parametrize(
    ("limit", "current", "expected"),
    [("max", "5", None), ("1000", "400", 600), ("1000", "1200", 0), (None, None, None)],
)
def test_a_container_may_have_less_than_the_machine(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    limit: str | None,
    current: str | None,
    expected: int | None,
) -> None:
    if limit is not None and current is not None:
        (tmp_path / "memory.max").write_text(f"{limit}\n")
        (tmp_path / "memory.current").write_text(f"{current}\n")
    monkeypatch.setattr(process, "CGROUP", tmp_path)
    found = process.available_bytes()
    if expected is None:
        assert found == pytest.approx(psutil.virtual_memory().available, rel=0.2)
    else:
        assert found == expected

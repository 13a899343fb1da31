"""The footer names every distinct machine state, version, commit and protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.choose import sections
from bench.report.provenance import provenance

if TYPE_CHECKING:
    from tests.report.conftest import Night


def footer(night: Night) -> dict[str, str]:
    (section,) = sections(night.cells, night.records)
    lines = [line.removeprefix("- ") for line in provenance(section) if line.startswith("- ")]
    return dict(line.split(": ", 1) for line in lines)


def test_distinct_values_are_listed_once(night: Night) -> None:
    night.add("resnet18", "latency", {"latency_s": 0.001})
    night.add("swin_tiny", "latency", {"latency_s": 0.001})
    newer = night.records[0].host.model_copy(update={"driver": "590.1", "gpu_memory_bytes": None})
    night.add("resnet50", "latency", {"latency_s": 0.001}, host=newer, at="2026-05-04T23:59:00+00:00")
    found = footer(night)
    assert found["GPU"] == (
        "NVIDIA H100 80GB HBM3, 79.6 GiB, power limit 700 W, driver 580.159.04; "
        "NVIDIA H100 80GB HBM3, power limit 700 W, driver 590.1"
    )
    assert found["Measured"] == "2026-05-02 01:00 to 2026-05-04 23:59 UTC"
    assert "Data" not in found


def test_commits_say_what_is_unknown_or_uncommitted(night: Night) -> None:
    night.add("resnet18", "latency", {"latency_s": 0.001}, provenance={"git_commit": None, "git_dirty": None})
    night.add("swin_tiny", "latency", {"latency_s": 0.001}, provenance={"git_dirty": True})
    assert footer(night)["Bench"] == (
        "0.1.0, commit unknown; 0.1.0, commit 8e64695a1b2c with uncommitted changes"
    )

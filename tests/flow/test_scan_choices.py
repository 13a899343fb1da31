"""What a suite chooses for a selective scan reaches the worker, and the record says what ran."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.flow.conftest import Bench

WriteSuite = Callable[..., str]


def recorded(folder: Path) -> dict[str, Any]:
    records = [json.loads(path.read_text()) for path in (folder / "results" / "records").rglob("*.json")]
    return {record["cell"]["checkpoint"]: record for record in records}


def test_the_record_names_the_backend_and_the_inverse(
    bench: Bench, write_suite: WriteSuite, tmp_path: Path
) -> None:
    suite = write_suite(
        models="[mobilenetv3_small, vim_tiny, localvim_tiny]",
        resolutions="[32x48]",
        measures="[memory]",
        batch="1",
        overrides="{localvim_*: {scan_backend: reference, true_inverse: true}}",
    )
    assert bench(suite).code == 0
    found = {key: record["provenance"] for key, record in recorded(tmp_path).items()}
    assert {key: (said["scan_backend"], said["true_inverse"]) for key, said in found.items()} == {
        "mobilenetv3_small": (None, None),
        "vim_tiny": ("torch", None),
        "localvim_tiny": ("reference", True),
    }
    table = (tmp_path / "results" / "s.md").read_text()
    assert "selective scan by reference; true inverse of the v routes, not the published one" in table


def test_a_size_and_a_backend_that_cannot_be_are_blocked_before_anything_starts(
    bench: Bench, write_suite: WriteSuite, tmp_path: Path
) -> None:
    suite = write_suite(
        models="[vim_tiny]", resolutions="[8, 32]", measures="[memory]", scan_backend="triton"
    )
    planned = bench(suite, "--plan", env={"TRITON_INTERPRET": "0"})
    assert planned.code == 0
    assert "of at least 16 px, not 8x8; the nearest size is 16x16" in planned.out
    assert "scan backend triton needs" in planned.out

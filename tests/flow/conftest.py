"""Runs the real command in a real process, in an empty folder."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


Bench = Callable[..., Ended]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a function that runs `python run_bench.py ARGUMENTS` with the temporary folder as its own."""

    def run(
        *arguments: str, env: Mapping[str, str] | None = None, script: Path = ROOT / "run_bench.py"
    ) -> Ended:
        command = [sys.executable, str(script), *arguments]
        result = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", **(env or {})},
            capture_output=True,
            text=True,
            timeout=480,
            check=False,
        )
        assert "Traceback" not in result.stderr, result.stderr
        return Ended(result.returncode, result.stdout, result.stderr)

    return run


@pytest.fixture
def write_suite(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes a suite of one sweep and returns its file name."""

    def write(head: str = "", **sweep: object) -> str:
        values: dict[str, object] = {
            "models": "[mobilenetv3_small]",
            "task": "quickstart",
            "resolutions": "[32]",
            "measures": "[complexity]",
            **sweep,
        }
        lines = [f"    {name}: {value}" for name, value in values.items()]
        lines[0] = "  - " + lines[0].strip()
        (tmp_path / "s.yaml").write_text(
            "\n".join(["name: s", head, "sweeps:", *lines, ""]), encoding="utf-8"
        )
        return "s.yaml"

    return write

"""Triton kernels run on the CPU in Triton's interpreter, in a process of their own.

Triton reads TRITON_INTERPRET when kernels are defined, so it cannot be set for some tests only.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

CHECKS = sorted((Path(__file__).parent / "interpreted").glob("check_*.py"))


@pytest.mark.skipif(find_spec("triton") is None, reason="torch has no Triton on this platform")
@pytest.mark.parametrize("checks", CHECKS, ids=lambda path: path.stem)
def test_interpreted(checks: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "pytest", str(checks), "-q", "-p", "no:cacheprovider", "-p", "no:randomly"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert re.search(r"\d+ passed in", result.stdout)

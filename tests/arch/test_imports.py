"""The import rules of pyproject.toml hold, and they would notice a breach."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTROL_PLANE = (
    "cli",
    "report",
    "run",
    "compare",
    "store",
    "machine",
    "plan",
    "catalog",
    "metrics",
    "sets",
    "shapes",
    "spec",
)


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_import_rules_hold() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("plan", "import bench.store", "Layers"),
        ("report", "import torch", "Control plane"),
        ("probes", "import bench.plan", "Measurement plane"),
        ("tasks", "import mmdet", "OpenMMLab is imported by"),
        ("machine", "import mmcv", "OpenMMLab is imported by"),
        ("shapes", "import PIL", "Drawn pictures"),
    ],
)
def test_a_breach_is_noticed(tmp_path: Path, module: str, line: str, broken: str) -> None:
    for path in (ROOT / "bench").rglob("*.py"):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (tmp_path / "bench" / module / "breach.py").write_text(f'"""A breach."""\n{line}\n')
    result = lint(tmp_path)
    assert result.returncode == 1
    assert any(broken in row and "BROKEN" in row for row in result.stdout.splitlines()), result.stdout


def test_planning_imports_no_torch() -> None:
    script = (
        "import sys, pkgutil, importlib, bench\n"
        f"for package in {CONTROL_PLANE!r}:\n"
        "    for found in pkgutil.walk_packages([f'bench/{package}'], f'bench.{package}.'):\n"
        "        importlib.import_module(found.name)\n"
        "heavy = ('torch', 'timm', 'triton', 'fvcore', 'mmcv', 'mmdet', 'mmengine', 'mmseg')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"

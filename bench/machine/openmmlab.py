"""The packages of OpenMMLab: what of them is missing, found without importing any."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from bench.spec.errors import MissingExtra

EXTRA = "dense"
PACKAGES = ("mmengine", "mmcv", "mmdet", "mmseg", "ftfy", "regex", "pycocotools", "faster_coco_eval")
INSTALL = f"pip install -e '.[{EXTRA}]'"


def missing() -> tuple[str, ...]:
    """Return the modules that detectors and segmentors need and this machine lacks."""
    return tuple(name for name in PACKAGES if find_spec(name) is None)


def obstacle(what: str) -> MissingExtra | None:
    """Return why `what`, a detector or segmentor, cannot be built here, with the remedy, or None."""
    absent = missing()
    if not absent:
        return None
    return MissingExtra(f"{what} needs {', '.join(absent)}, not installed here; run: {INSTALL}")


def compiled_operators() -> Path | None:
    """Return the file of mmcv's compiled operators; None where mmcv is without them (mmcv-lite)."""
    spec = find_spec("mmcv")
    if spec is None or spec.origin is None:
        return None
    return next(iter(sorted(Path(spec.origin).parent.glob("_ext.*"))), None)

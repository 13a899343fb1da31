"""Keeps detections beside the records, so that they can be scored again without the model."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from bench.spec.errors import CellError
from bench.spec.job import Job


def keep(job: Job, detections: Sequence[dict[str, Any]]) -> dict[str, JsonValue]:
    """Write a COCO results file where the job wants it, and return its name, hash and format for the record.

    Raises `CellError` where it cannot be written.
    """
    data = json.dumps(detections, separators=(",", ":")).encode()
    sha256 = hashlib.sha256(data).hexdigest()
    folder = Path(str(job.keep_dir))
    path = folder / f"{job.cell.key}.{sha256[:12]}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        raise CellError(
            f"{path}: predictions cannot be kept ({error.strerror}); free some space, or set "
            "scoring.keep_predictions of the suite to false"
        ) from None
    return {"file": path.name, "sha256": sha256, "format": "COCO results, JSON"}

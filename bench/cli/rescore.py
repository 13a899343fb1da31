"""The verb `rescore`: the scores of stored records again, from what they keep, without the model."""

from __future__ import annotations

import hashlib
import json
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.cli.workspace import data_folder
from bench.machine import dense_data
from bench.metrics import coco_ap, confusion
from bench.metrics.registry import metrics
from bench.spec.errors import CellError, UserError
from bench.spec.record import Measured, Record
from bench.store.files import Store

DIFFERENT = 3
ABSOLUTE = 1e-9
"""Scores in percent that differ by less are the same: evaluators add up in different orders."""

Scores = Mapping[str, float]


def main(arguments: Namespace) -> int:
    """Print every score of the records as stored and as computed now; return 3 where one differs."""
    same = True
    for path in arguments.records:
        record = Store(arguments.results).read(path)
        outcome = record.outcome
        if not isinstance(outcome, Measured) or record.cell.measure != "accuracy":
            raise UserError(f"{path}: holds no score; name records of accuracy that were measured")
        found = _scores(path, record, outcome, arguments)
        print(f"{record.cell.name}, {outcome.values['images']:,} images")
        told = [_told(name, value, outcome.values.get(name)) for name, value in found.items()]
        same = same and all(told)
    return 0 if same else DIFFERENT


def _told(name: str, value: float, stored: float | None) -> bool:
    metric = metrics()[name]
    equal = stored is not None and abs(value - stored) <= ABSOLUTE
    verdict = "as stored" if equal else f"stored {'nothing' if stored is None else repr(stored)}"
    print(f"  {metric.title}: {metric.show(value)} ({value!r}), {verdict}")
    return equal


def _scores(path: Path, record: Record, outcome: Measured, arguments: Namespace) -> Scores:
    kind = record.provenance.task.kind
    if kind == "segmentation":
        try:
            counts = confusion.unpack(outcome.details.get("confusion"))
            return confusion.scores(counts, several_scales=record.cell.scales == "multi")
        except ValueError as error:
            raise UserError(f"{path}: {error}") from None
    if kind == "detection":
        return _detection(path, record, outcome, arguments)
    raise UserError(f"{path}: only records of detection and segmentation keep what they can be scored from")


def _detection(path: Path, record: Record, outcome: Measured, arguments: Namespace) -> Scores:
    detections = _kept(path, outcome, arguments.results / "local" / "predictions")
    annotations = _annotations(record, data_folder(arguments.data, None))
    chosen: Any = outcome.details.get("image_ids")
    ids = chosen or [image["id"] for image in annotations["images"]]
    evaluator = arguments.evaluator or str(outcome.details["evaluator"]).partition(" ")[0]
    try:
        return coco_ap.scores(annotations, detections, ids, evaluator)
    except ImportError as error:
        raise UserError(f"{evaluator} is not installed ({error}); run: pip install -e '.[dense]'") from None


def _kept(path: Path, outcome: Measured, folder: Path) -> Any:
    kept: Any = outcome.details.get("predictions")
    if not kept:
        raise UserError(
            f"{path}: no predictions were kept; set `scoring: {{keep_predictions: true}}` in the suite and "
            "measure the cell again under --fresh"
        )
    file = folder / Path(str(kept["file"])).name
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UserError(
            f"{file}: cannot be read ({error.strerror}); name its results with --results"
        ) from None
    if hashlib.sha256(data).hexdigest() != kept["sha256"]:
        raise UserError(f"{file}: is not the file that {path} was scored from: its SHA-256 is another")
    return json.loads(data)


def _annotations(record: Record, data_dir: Path) -> Any:
    task = record.provenance.task
    if task.layout is None:
        raise UserError(f"{record.cell.name}: the record does not say where its annotations lie")
    try:
        place = dense_data.locate(task, task.layout, data_dir)
        return json.loads(place.labels.read_bytes())
    except CellError as error:
        raise UserError(str(error)) from None
    except (OSError, ValueError) as error:
        raise UserError(
            f"{place.labels}: cannot be read ({error}); name the data folder with --data"
        ) from None

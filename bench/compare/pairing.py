"""Which reported rows speak about a record, and whether their conditions are the record's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import PurePath

from bench.catalog.reported import Reported
from bench.compare.verdict import Verdict, judge
from bench.metrics.metric import Metric, exact
from bench.metrics.registry import metrics
from bench.spec.cell import PUBLISHED, RANDOM, Cell
from bench.spec.record import Failed, Measured, Record

JUDGED = (
    *("top1_percent", "top5_percent", "params", "macs"),
    *(metric.name for metric in metrics().values() if metric.kind in {"detection", "segmentation"}),
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One measured value beside one reported value; `reported` is None where there is none.

    `measured` is the stored value, or None where the record has no score.
    """

    record: Record
    metric: Metric
    measured: float | None
    reported: Reported | None
    verdict: Verdict


def rows_about(cell: Cell, metric: Metric, reported: Iterable[Reported]) -> tuple[Reported, ...]:
    """Return the rows for this checkpoint, task, size and metric, whatever their conditions.

    Parameters and MACs are those of the network with its 1000 classes, whatever it is shown.
    """
    about = (cell.checkpoint, cell.height_px, cell.width_px, metric.name)
    return tuple(
        row
        for row in reported
        if (row.checkpoint, row.height_px, row.width_px, row.metric) == about
        and (cell.portable or row.task == cell.task)
    )


def claims(record: Record, reported: Sequence[Reported]) -> tuple[Claim, ...]:
    """Compare an accuracy or complexity record with every reported row about it.

    A metric without a reported value gives one claim that says so. Other measures give none:
    speed and memory are never right or wrong, see `bench.compare.ratio`.
    """
    judged, kind = [metrics()[name] for name in JUDGED], record.provenance.task.kind
    return tuple(
        claim
        for metric in judged
        if metric.concerns(record.cell, kind)
        for claim in _claims_of(record, metric, rows_about(record.cell, metric, reported))
    )


def _claims_of(record: Record, metric: Metric, rows: tuple[Reported, ...]) -> tuple[Claim, ...]:
    measured = score(record, metric)
    found: Sequence[Reported | None] = rows or (None,)
    return tuple(
        Claim(record, metric, measured, row, _verdict(record, metric, measured, row)) for row in found
    )


def score(record: Record, metric: Metric) -> float | None:
    """Return the stored value of a metric, or None where there is none or just a part was scored."""
    if isinstance(record.outcome, Failed) or partial(record):
        return None
    return record.outcome.values.get(metric.name)


def _verdict(record: Record, metric: Metric, measured: float | None, row: Reported | None) -> Verdict:
    outcome = record.outcome
    if isinstance(outcome, Failed):
        return Verdict("blocked" if outcome.blocked else "failed", outcome.message)
    if row is None:
        return Verdict("no reported value", "no source speaks about this checkpoint, task and size")
    obstacle = partial(record) or _other_conditions(record, row)
    if obstacle or measured is None:
        return Verdict("not comparable", obstacle or f"the record holds no {metric.label}")
    return judge(metric, measured, row)


def partial(record: Record) -> str | None:
    """Say why an accuracy record holds no score of the whole split; None where it does."""
    outcome, expected = record.outcome, record.provenance.task.images
    if record.cell.measure != "accuracy" or not isinstance(outcome, Measured):
        return None
    images = outcome.values.get("images")
    if images == expected and "partial" not in outcome.flags and record.cell.limit_images is None:
        return None
    scored = "an unknown number" if images is None else f"{images:,}"
    return f"only {scored} of {expected:,} images were scored, so there is no score"


def crop_of(record: Record) -> Decimal:
    """Return the crop that the record was evaluated with, as a fraction of the resized image."""
    own = record.cell.crop_pct
    return exact(record.provenance.card.preprocessing.crop_pct if own is None else own)


def _other_conditions(record: Record, row: Reported) -> str | None:
    if record.cell.measure != "accuracy":
        return None
    return _other_weights(record.cell) or _other_crop(record, row)


def _other_weights(cell: Cell) -> str | None:
    if cell.weights == PUBLISHED:
        return None
    if cell.weights == RANDOM:
        return "evaluated with random weights"
    return f"evaluated with the weights of {PurePath(cell.weights).name}, not the published ones"


def _other_crop(record: Record, row: Reported) -> str | None:
    crop = crop_of(record)
    if row.crop_pct is None:
        overridden = record.cell.crop_pct is not None
        return f"crop overridden to {crop}; the source does not state its crop" if overridden else None
    return None if row.crop_pct == crop else f"evaluated with crop {crop}, reported with crop {row.crop_pct}"

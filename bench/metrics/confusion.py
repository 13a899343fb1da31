"""Confusion matrices of a segmentor, and the scores that follow from them.

A matrix (classes, classes) of int64 counts pixels: rows are the labels, columns the predictions. The scores
are those of mmsegmentation's `IoUMetric`, from exact sums.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
IGNORED = 255
"""The label of pixels that do not count."""

PACKED = "zlib, base64; little-endian int64, row by row; rows are labels, columns predictions"


def confusion(predicted: NDArray[np.integer], labels: NDArray[np.integer], classes: int) -> Counts:
    """Count the pixels of one image, (height, width) both, by label and prediction.

    Pixels labelled `IGNORED` are left out. Raises `ValueError` for shapes that differ, and for a label or a
    prediction outside the classes.
    """
    if predicted.shape != labels.shape:
        raise ValueError(f"predictions {predicted.shape} and labels {labels.shape} differ in shape")
    counted = labels != IGNORED
    rows, columns = labels[counted].astype(np.int64), predicted[counted].astype(np.int64)
    for name, values in {"label": rows, "prediction": columns}.items():
        if values.size and not 0 <= values.min() <= values.max() < classes:
            raise ValueError(f"a {name} of {values.min()} or {values.max()}, outside 0 to {classes - 1}")
    flat = np.bincount(rows * classes + columns, minlength=classes * classes)
    return flat.reshape(classes, classes).astype(np.int64)


def mean_iou_percent(counts: Counts) -> float:
    """Return the mean of intersection over union, over the classes that are labelled or predicted at all."""
    right = np.diagonal(counts)
    return _mean_percent(right, counts.sum(axis=0) + counts.sum(axis=1) - right)


def mean_accuracy_percent(counts: Counts) -> float:
    """Return the mean share of right pixels, over the classes that are labelled at all."""
    return _mean_percent(np.diagonal(counts), counts.sum(axis=1))


def pixel_accuracy_percent(counts: Counts) -> float:
    """Return the share of right pixels of all."""
    return _mean_percent(np.diagonal(counts).sum(keepdims=True), counts.sum(keepdims=True).reshape(1))


def scores(counts: Counts, *, several_scales: bool) -> dict[str, float]:
    """Return every score by the name of its metric; raises `ValueError` where no pixel is labelled."""
    if not counts.sum():
        raise ValueError("no pixel is labelled, so there is no score")
    how = "_ms" if several_scales else ""
    return {
        f"miou{how}_percent": mean_iou_percent(counts),
        f"macc{how}_percent": mean_accuracy_percent(counts),
        f"aacc{how}_percent": pixel_accuracy_percent(counts),
    }


def pack(counts: Counts) -> dict[str, str | int]:
    """Return a matrix as a JSON value: its format, how many classes, and the data."""
    data = zlib.compress(counts.astype("<i8").tobytes(), 9)
    return {"format": PACKED, "classes": len(counts), "data": base64.b64encode(data).decode("ascii")}


def unpack(packed: object) -> Counts:
    """Return the matrix that `pack` was given; raises `ValueError` for anything else."""
    if not isinstance(packed, Mapping) or packed.get("format") != PACKED:
        raise ValueError(f"no confusion matrix in the format '{PACKED}'")
    try:
        classes = int(packed["classes"])
        flat = np.frombuffer(zlib.decompress(base64.b64decode(packed["data"], validate=True)), dtype="<i8")
        counts = flat.reshape(classes, classes).astype(np.int64)
    except (KeyError, TypeError, binascii.Error, zlib.error, ValueError) as error:
        raise ValueError(f"the confusion matrix is damaged: {error}") from None
    if (counts < 0).any():
        raise ValueError("the confusion matrix is damaged: it holds a negative count")
    return counts


def _mean_percent(parts: Counts, wholes: Counts) -> float:
    there = wholes > 0
    return float(100 * np.mean(parts[there] / wholes[there]))

"""Average precision on COCO from detections and annotations, by either of the two evaluators.

Both compute what the COCO challenge defines, with at most 100 detections per image: the mean over ten
thresholds of intersection over union (0.50 to 0.95) and all categories that have objects.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any, Literal

from bench.metrics.detection import PARTS

Document = Mapping[str, Any]
IouType = Literal["bbox", "segm"]
WHAT: Mapping[IouType, str] = {"bbox": "box", "segm": "mask"}
NUMBERS = 12
MAX_DETECTIONS = (1, 10, 100)


def scores(
    annotations: Document, detections: Sequence[Document], image_ids: Sequence[int], evaluator: str
) -> dict[str, float]:
    """Return average precision in percent by the name of its metric, of boxes and of masks.

    `annotations` is a COCO file, `detections` are COCO results with `bbox` (x, y, width, height in pixels)
    and `segmentation` (run lengths). Only the images of `image_ids` count. Where no object has the size that
    a metric asks for, there is no such metric.
    """
    found = {}
    for iou_type, what in WHAT.items():
        numbers = twelve(annotations, detections, image_ids, iou_type, evaluator)
        for part, value in zip(PARTS, numbers, strict=False):
            # the evaluators' word for "nothing to find" is -1
            if value >= 0:
                found[f"{what}_{part}_percent"] = 100 * value
    return found


def twelve(
    annotations: Document,
    detections: Sequence[Document],
    image_ids: Sequence[int],
    iou_type: IouType,
    evaluator: str,
) -> tuple[float, ...]:
    """Return the evaluator's twelve numbers, AP and AR, as fractions; -1 where there is nothing to find."""
    kind, evaluation_of = _evaluator(evaluator)
    with redirect_stdout(io.StringIO()):
        truth = _indexed(kind, annotations, [dict(each) for each in annotations["annotations"]])
        evaluation = evaluation_of(truth, _detected(kind, truth, detections, iou_type), iou_type)
        evaluation.params.imgIds = list(image_ids)
        evaluation.params.catIds = [category["id"] for category in annotations["categories"]]
        evaluation.params.maxDets = list(MAX_DETECTIONS)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return tuple(float(number) for number in evaluation.stats[:NUMBERS])


def _evaluator(name: str) -> tuple[Any, Any]:
    # optional packages, and only one of them is needed
    if name == "pycocotools":
        from pycocotools.coco import COCO  # noqa: PLC0415
        from pycocotools.cocoeval import COCOeval  # noqa: PLC0415

        return COCO, COCOeval
    import faster_coco_eval  # noqa: PLC0415

    return faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster


def _indexed(kind: Any, annotations: Document, objects: list[dict[str, Any]]) -> Any:
    made = kind()
    made.dataset = {**annotations, "annotations": objects}
    made.createIndex()
    return made


def _detected(kind: Any, truth: Any, detections: Sequence[Document], iou_type: IouType) -> Any:
    # without its box, the area of a detection is that of its mask
    unused = "bbox" if iou_type == "segm" else "segmentation"
    objects = [{name: value for name, value in each.items() if name != unused} for each in detections]
    # one of the evaluators cannot load an empty list
    return truth.loadRes(objects) if objects else _indexed(kind, truth.dataset, [])

"""Speed and memory of detectors and segmentors: one row per model and setting, one table per task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bench.metrics.registry import metrics
from bench.report import words
from bench.report.origins import Origins
from bench.report.setting import all_random
from bench.report.speed import (
    CONDITIONS,
    PEAKS,
    Context,
    Joined,
    batch_of,
    conditions,
    figure,
    head,
    iqr_percent,
    join,
    marks,
    series,
    value,
)
from bench.report.table import MISSING, Footnotes, Table, columns, once, without_constant, without_empty
from bench.spec.cell import Measure
from bench.spec.record import Record


@dataclass(frozen=True, slots=True)
class Rate:
    """Images per second: the measure that gives them, their metric, and what it is called in short."""

    measure: Measure
    name: str
    label: str

    @property
    def titles(self) -> tuple[str, str, str]:
        """Return the headers of `shown`."""
        return metrics()[self.name].title, f"{self.label} IQR (%)", f"{self.label}, fastest window (img/s)"

    def shown(self, joined: Joined) -> tuple[str, str, str]:
        """Write the figure, its spread, and the figure that the fastest window gives."""
        record = joined.get(self.measure)
        return figure(joined, self.measure, self.name), iqr_percent(record, self.name), self._fastest(record)

    def _fastest(self, record: Record | None) -> str:
        metric = metrics()[self.name]
        step = f"{metric.step}_s"
        img_s, step_s, windows = value(record, self.name), value(record, step), series(record, step)
        if img_s is None or step_s is None or not windows:
            return MISSING
        return metric.show(img_s * step_s / min(windows))


WHOLE = Rate("fps", "fps_img_s", "FPS")
NETWORK = Rate("fps", "fps_network_img_s", "FPS without post-processing")
BACKBONE = Rate("backbone_throughput", "backbone_img_s", "Backbone")
BACKBONE_BATCH = "Backbone batch"
MEMORY = (
    "peak_allocated_bytes",
    "peak_network_allocated_bytes",
    "peak_reserved_bytes",
    "peak_device_bytes",
    "peak_process_bytes",
)
COLUMNS = columns(
    ("Model", "Size (px)", "Precision", "Mode", "Layout"),
    (
        *(*WHOLE.titles, *NETWORK.titles, metrics()["detections"].title),
        *(BACKBONE_BATCH, *BACKBONE.titles),
        *(metrics()[name].title for name in MEMORY),
    ),
    ("Notes",),
)
RATE = "FPS and memory: one image at a time, normalised and on the device, to"
FOUND = {
    "detection": f"{RATE} boxes, labels and masks of the size of the image.",
    "segmentation": f"{RATE} a class for every pixel.",
}
LEFT_OUT = {
    "detection": (
        "Without post-processing: backbone, pyramid and heads for the same regions; no decoding of boxes, no "
        "choice of proposals and detections, no pasting of masks."
    ),
    "segmentation": "Without post-processing: up to the scores at a quarter of the size.",
}
DETECTIONS = (
    "Detections: what was kept of an image, 100 at most. For random weights, which find few or none "
    "at the published score threshold, it was lowered until about 1,000 pairs of region and class counted."
)
SPREAD = "IQR: interquartile range of the windows, in percent of the step time."
FASTEST = (
    "Fastest window: the rate that the fastest of the timed windows alone would give; where the device waits "
    "for the CPU, it hangs least on what else the host does."
)
BACKBONE_ALONE = (
    "Backbone throughput: batch over the time of a step, from images to the maps that the neck takes."
)


def dense_speed_tables(records: tuple[Record, ...]) -> tuple[Table, ...]:
    """Return one table per protocol and task, in the order of the records."""
    timed = [
        record
        for record in words.of_measure(records, "fps", "backbone_throughput", "memory")
        if record.provenance.task.kind != "classification"
    ]
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in timed:
        groups.setdefault((record.cell.protocol_digest, record.cell.task), []).append(record)
    return tuple(_table(group) for group in groups.values())


def _table(records: Sequence[Record]) -> Table:
    protocol, task = records[0].provenance.protocol, records[0].provenance.task
    context = Context(not all_random(records), None, Footnotes(), Origins(records))
    rows = tuple(_row(joined, context) for joined in join(records))
    title = f"Speed and memory: {task.label}, protocol {protocol.key}, version {protocol.version}"
    table = without_empty(Table(title, COLUMNS, once(rows), footnotes=context.notes.texts))
    intro = " ".join([protocol.summary, *conditions(records), *_legend(table, records)])
    return without_constant(replace(table, intro=intro), (*CONDITIONS, BACKBONE_BATCH))


def _legend(table: Table, records: Sequence[Record]) -> Iterator[str]:
    kind = records[0].provenance.task.kind
    shown = {column.header.partition(" (")[0] for column in table.columns}
    yield FOUND[kind]
    if any("without post-processing" in name for name in shown):
        yield LEFT_OUT[kind]
    if "Detections" in shown:
        yield DETECTIONS
    if "Backbone throughput" in shown:
        yield BACKBONE_ALONE
    if any("IQR" in name for name in shown):
        yield SPREAD
    if any("fastest window" in name for name in shown):
        yield FASTEST
    yield from (f"{name}: {meaning}." for name, meaning in PEAKS.items() if name in shown)


def _row(joined: Joined, context: Context) -> tuple[str, ...]:
    backbone = joined.get("backbone_throughput")
    return (
        *head(joined, context),
        *WHOLE.shown(joined),
        *NETWORK.shown(joined),
        figure(joined, "fps", "detections"),
        MISSING if backbone is None else batch_of(backbone),
        *BACKBONE.shown(joined),
        *(figure(joined, "memory", name) for name in MEMORY),
        context.notes.mark(*marks(joined, context)).strip(),
    )

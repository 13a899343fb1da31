"""Speed and memory: one row per model and setting, one table per protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.compare.pairing import partial
from bench.metrics.registry import metrics
from bench.report import words
from bench.report.origins import Origins
from bench.report.setting import all_random, steps, weights, weights_of
from bench.report.table import MISSING, Footnotes, Table, columns, once, without_constant, without_empty
from bench.spec.cell import RANDOM, Cell, Measure
from bench.spec.protocol import Protocol
from bench.spec.record import Measured, Record

Joined = Mapping[Measure, Record]
Place = tuple[str, str, int, int, str]

FIGURES: tuple[tuple[Measure, str], ...] = (
    ("latency", "latency_s"),
    ("memory", "peak_allocated_bytes"),
    ("memory", "peak_reserved_bytes"),
    ("memory", "peak_device_bytes"),
    ("memory", "peak_process_bytes"),
    ("throughput", "energy_j_per_image"),
)
COLUMNS = columns(
    ("Model", "Size (px)", "Precision", "Mode", "Layout"),
    ("Batch", "Throughput (img/s)", "IQR (%)", *(metrics()[name].title for _, name in FIGURES)),
    ("Notes",),
)
ON_A_CPU = "On this CPU the wall clock timed everything."
ALL_UNVERIFIED = (
    "All rows are unverified: none of these models has a complete accuracy run at the same size and "
    "precision on this machine."
)
CONDITIONS = ("Precision", "Mode", "Layout", "Batch")
PEAKS = {
    "Peak allocated": "what the model needs",
    "Peak allocated without post-processing": "the same for backbone, neck and heads",
    "Peak reserved": "what PyTorch held for it",
    "Peak on device": "the highest count of the driver while it ran, with the context and everything else",
    "Peak of the process": "the resident size, interpreter and libraries included",
}


@dataclass(frozen=True, slots=True)
class Context:
    """What a row has to know of its table: whether its weights differ, and whose accuracy is known.

    `scored` is None where nobody's is looked for.
    """

    mixed_weights: bool
    scored: set[Place] | None
    notes: Footnotes
    origins: Origins


def speed_tables(records: tuple[Record, ...]) -> tuple[Table, ...]:
    """Return one table of classifiers per protocol, in the order of the records."""
    timed = [
        record
        for record in words.of_measure(records, "throughput", "latency", "memory")
        if record.provenance.task.kind == "classification"
    ]
    scored = {_place(record.cell) for record in words.of_measure(records, "accuracy") if _whole(record)}
    protocols = {record.cell.protocol_digest: record.provenance.protocol for record in timed}
    return tuple(
        _table(protocol, [record for record in timed if record.cell.protocol_digest == digest], scored)
        for digest, protocol in protocols.items()
    )


def _table(protocol: Protocol, records: Sequence[Record], scored: set[Place]) -> Table:
    places = {_place(record.cell) for record in records}
    verified = places & scored
    context = Context(not all_random(records), scored if verified else places, Footnotes(), Origins(records))
    rows = tuple(_row(joined, context) for joined in join(records))
    title = f"Speed and memory: protocol {protocol.key}, version {protocol.version}"
    table = without_empty(Table(title, COLUMNS, once(rows), footnotes=context.notes.texts))
    parts = [protocol.summary, *conditions(records), *_legend(table, protocol)]
    parts += [] if verified else [ALL_UNVERIFIED]
    return without_constant(replace(table, intro=" ".join(parts)), CONDITIONS)


def conditions(records: Sequence[Record]) -> Iterator[str]:
    """Yield a sentence each on weights, selective scans and the clock of a CPU."""
    held = weights(records)
    yield f"{held[0].upper()}{held[1:]}."
    backends = dict.fromkeys(record.provenance.scan_backend for record in records)
    named = ", ".join(name for name in backends if name)
    if named:
        yield f"Selective scans were computed by {named}."
    if all(record.cell.device == "cpu" for record in records):
        yield ON_A_CPU


def _legend(table: Table, protocol: Protocol) -> Iterator[str]:
    meanings = steps(protocol) | PEAKS
    for column in table.columns:
        name = column.header.partition(" (")[0]
        if name in meanings:
            yield f"{name}: {meanings[name]}."


def _whole(record: Record) -> bool:
    return partial(record) is None and record.cell.weights != RANDOM


def join(records: Sequence[Record]) -> Iterator[Joined]:
    """Yield the records of one setting together; what is taken at one image joins the first batch."""
    settings: dict[Cell, dict[object, dict[Measure, Record]]] = {}
    for record in records:
        batches = settings.setdefault(_setting(record.cell), {})
        batch = None if _at_one_image(record) else record.cell.batch
        batches.setdefault(batch, {})[record.cell.measure] = record
    for batches in settings.values():
        alone = batches.pop(None, {})
        if not batches:
            yield alone
        for number, joined in enumerate(batches.values()):
            yield {**alone, **joined} if number == 0 else joined


def _at_one_image(record: Record) -> bool:
    whole = record.cell.measure == "memory" and record.provenance.task.kind != "classification"
    return whole or record.cell.measure in {"latency", "fps"}


def _setting(cell: Cell) -> Cell:
    same = {
        "measure": "throughput",
        "batch": 1,
        "default_batch": True,
        "limit_images": None,
        "crop_pct": None,
    }
    return cell.model_copy(update=same)


def _row(joined: Joined, context: Context) -> tuple[str, ...]:
    timed = joined.get("throughput")
    return (
        *head(joined, context),
        _batch(joined),
        figure(joined, "throughput", "throughput_img_s"),
        iqr_percent(timed, "throughput_img_s"),
        *(figure(joined, measure, name) for measure, name in FIGURES),
        context.notes.mark(*marks(joined, context)).strip(),
    )


def head(joined: Joined, context: Context) -> tuple[str, ...]:
    """Return model, size, precision, mode and layout of a row."""
    first = next(iter(joined.values()))
    cell, card = first.cell, first.provenance.card
    return (
        card.label + context.notes.mark(words.choices(cell)),
        words.size(cell),
        cell.precision,
        cell.mode,
        cell.memory_format.replace("_", " "),
    )


def marks(joined: Joined, context: Context) -> Iterator[str | None]:
    """Yield what qualifies the figures of a row."""
    first = next(iter(joined.values()))
    for record in joined.values():
        yield from words.flags(record)
    yield _compiled(joined.get("throughput") or joined.get("backbone_throughput"))
    yield weights_of(first) if context.mixed_weights else None
    yield _unverified(first.cell, context.scored)
    yield from context.origins.of(*joined.values())


def value(record: Record | None, name: str) -> float | None:
    """Return a figure of a record, or None where there is none."""
    if record is None or not isinstance(record.outcome, Measured):
        return None
    return record.outcome.values.get(name)


def series(record: Record | None, name: str) -> tuple[float, ...]:
    """Return a raw series of a record, or nothing where there is none."""
    if record is None or not isinstance(record.outcome, Measured):
        return ()
    return record.outcome.samples.get(name, ())


def figure(joined: Joined, measure: Measure, name: str) -> str:
    """Write a figure of a row as it is shown."""
    found = value(joined.get(measure), name)
    return MISSING if found is None else metrics()[name].show(found)


def _batch(joined: Joined) -> str:
    for measure in ("throughput", "memory"):
        record = joined.get(measure)
        if record is not None:
            return batch_of(record)
    return MISSING


def batch_of(record: Record) -> str:
    """Write the images per step of a record, as found where the cell asks for the largest batch."""
    batch = value(record, "batch_images") or record.cell.batch
    return f"{batch:,}" if isinstance(batch, int) else str(batch)


def iqr_percent(record: Record | None, figure: str) -> str:
    """Write the interquartile range of the step times of a figure in percent of their median."""
    spread = words.spread(record, figure)
    return MISSING if spread is None else f"{100 * spread:.1f}"


def _compiled(record: Record | None) -> str | None:
    if record is None or record.cell.mode == "eager":
        return None
    seconds, breaks = value(record, "compile_s"), value(record, "graph_breaks")
    error = value(record, "output_rel_error")
    checked = (
        "outputs not compared with eager: unverified" if error is None else f"outputs {error:.1e} from eager"
    )
    took = f"compiled in {seconds:.1f} s, " if seconds is not None else ""
    return (
        f"{took}{words.plural(int(breaks), 'graph break')}, {checked}"
        if breaks is not None
        else took + checked
    )


def _place(cell: Cell) -> Place:
    return cell.checkpoint, cell.task_digest, cell.height_px, cell.width_px, cell.precision


def _unverified(cell: Cell, scored: set[Place] | None) -> str | None:
    if scored is None or _place(cell) in scored:
        return None
    return "unverified: no complete accuracy run of this model at this size and precision on this machine"

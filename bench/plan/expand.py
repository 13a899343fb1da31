"""From a suite to its cells: every combination once, without what cannot matter to a measure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from bench.plan.grammar import Suite, Sweep, matching
from bench.spec.card import ModelCard, TaskCard
from bench.spec.cell import PUBLISHED, Cell, DeviceKind, Measure
from bench.spec.errors import UserError
from bench.spec.protocol import Protocol

HOUSE = "house"
BACKBONE_BATCH: Mapping[DeviceKind, int] = {"cuda": 4, "cpu": 1}
"""Images per step of a backbone alone, where a suite says nothing: its images are those of detectors."""

Values = dict[str, object]


@dataclass(frozen=True)
class _Scene:
    """What the cells of one sweep share; `common` and `anywhere` are fields of the cells.

    `anywhere` is what complexity has in place of what the suite says: parameters and MACs
    are those of the network, whatever it runs on and however.
    """

    task: TaskCard
    device: DeviceKind
    protocol: Protocol
    usual_batch: int
    limit_images: int | None
    common: Values
    anywhere: Values


def expand(  # noqa: PLR0913, PLR0917
    suite: Suite,
    models: Mapping[str, ModelCard],
    tasks: Mapping[str, TaskCard],
    protocols: Mapping[str, Protocol],
    device: DeviceKind,
    limit_images: int | None,
) -> tuple[Cell, ...]:
    """Return the cells of a suite in the order of the file, each once.

    Within a sweep: by model, size, precision, memory format, mode, measure. A protocol that
    names no batch for the device takes that of `house`. Raises `UserError` where two cells
    share a name.
    """
    cells: dict[Cell, None] = {}
    for sweep in suite.sweeps:
        protocol = protocols[sweep.protocol or suite.protocol]
        scene = _scene(tasks[sweep.task], protocol, protocols[HOUSE], device, limit_images)
        for key in matching(sweep.models, tasks[sweep.task].choose(models)):
            cells.update(dict.fromkeys(_cells(scene, sweep.for_model(key), models[key])))
    _refuse_equal_names(cells)
    return tuple(cells)


def _scene(
    task: TaskCard, protocol: Protocol, house: Protocol, device: DeviceKind, limit_images: int | None
) -> _Scene:
    # and those of the definitions once per sweep
    of_task: Values = {"task": task.key, "task_digest": task.content_digest}
    return _Scene(
        task,
        device,
        protocol,
        protocol.batch_images.get(device, house.batch_images[device]),
        limit_images,
        common={**of_task, **_on(protocol, device)},
        anywhere={
            **_on(house, "cpu"),
            "protocol_digest": "",
            "precision": "fp32",
            "memory_format": "contiguous",
            "mode": "eager",
            "scan_backend": "auto",
            "true_inverse": False,
        },
    )


def _on(protocol: Protocol, device: DeviceKind) -> Values:
    return {"protocol": protocol.key, "protocol_digest": protocol.content_digest, "device": device}


def _cells(scene: _Scene, sweep: Sweep, card: ModelCard) -> Iterator[Cell]:
    # digests are dear, so those of the card are taken once for all of its cells
    digests = {measure: card.digest_for(measure) for measure in sweep.measures}
    for size, precision, memory_format, mode, measure in product(
        sweep.resolutions,
        sweep.precisions or scene.protocol.precisions[:1],
        sweep.memory_formats or scene.protocol.memory_formats[:1],
        sweep.modes or scene.protocol.modes[:1],
        sweep.measures,
    ):
        given: Values = {
            **_chosen(sweep, card),
            "checkpoint": card.key,
            "height_px": size.height_px,
            "width_px": size.width_px,
            "precision": precision,
            "memory_format": memory_format,
            "mode": mode,
            "measure": measure,
            "card_digest": digests[measure],
        }
        yield Cell.model_validate(scene.common | given | _particular(scene, sweep, card, measure))


def _chosen(sweep: Sweep, card: ModelCard) -> Values:
    """Return what the sweep chooses for the network, as far as the network has the choice."""
    asked = {name: getattr(sweep, name) for name in card.options}
    return {name: value for name, value in asked.items() if value is not None}


def _particular(scene: _Scene, sweep: Sweep, card: ModelCard, measure: Measure) -> Values:
    """Return what one measure sets, and what it resets because it cannot matter to it."""
    if measure == "complexity":
        return scene.anywhere
    if measure == "accuracy":
        return {"mode": "eager", **_scoring(scene, sweep, card)}
    return _batch(scene, sweep, measure)


def _scoring(scene: _Scene, sweep: Sweep, card: ModelCard) -> Values:
    limit, crop = scene.limit_images, sweep.crop_pct
    windowed = scene.task.kind == "segmentation"
    return {
        **({"scales": sweep.scales or "single", "windows": sweep.windows or "auto"} if windowed else {}),
        "weights": sweep.weights or PUBLISHED,
        "crop_pct": None if crop == card.preprocessing.crop_pct else crop,
        "limit_images": limit if limit is not None and limit < scene.task.images else None,
    }


def _batch(scene: _Scene, sweep: Sweep, measure: Measure) -> Values:
    whole = measure == "memory" and scene.task.kind != "classification"
    if measure in {"latency", "fps"} or whole:
        # one image at a time
        return {}
    usual = BACKBONE_BATCH[scene.device] if measure == "backbone_throughput" else scene.usual_batch
    batch = sweep.batch or usual
    return {"batch": batch, "default_batch": batch == usual}


def _refuse_equal_names(cells: Mapping[Cell, None]) -> None:
    named: dict[str, Cell] = {}
    for cell in cells:
        other = named.setdefault(cell.name, cell)
        if other is not cell:
            raise UserError(
                f"two different cells are called {cell.name}: weights {other.weights} and {cell.weights}, "
                f"crop {other.crop_pct} and {cell.crop_pct}; rename a file or round the crop"
            )

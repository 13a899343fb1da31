"""Reads the cards; one YAML file per model family, one per task and one per protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from bench.catalog.dense import dense_cards
from bench.spec.card import DenseCards, ModelCard, TaskCard
from bench.spec.errors import UserError
from bench.spec.protocol import Protocol

HERE = Path(__file__).parent
# libyaml parses some ten times as fast; a source build of PyYAML may lack it
SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Catalog:
    """Every definition the bench knows, by key."""

    models: Mapping[str, ModelCard]
    tasks: Mapping[str, TaskCard]
    protocols: Mapping[str, Protocol]


CardT = TypeVar("CardT", ModelCard, DenseCards, TaskCard, Protocol)


def catalog() -> Catalog:
    """Return the definitions that ship with the bench."""
    return Catalog(every_model(), tasks(), protocols())


@cache
def models(folder: Path = HERE / "models") -> Mapping[str, ModelCard]:
    """Return every classifier by key, in the order of the files.

    A family file holds `defaults`, which every entry starts from, and `models` by key.
    Raises `UserError` naming file and key for a card that does not parse or a key used twice.
    """
    return {card.key: card for card, _ in _backbones(folder)}


@cache
def every_model(folder: Path = HERE / "models") -> Mapping[str, ModelCard]:
    """Return the classifiers and, after them, the detectors and segmentors made of them, by key."""
    made = (card for backbone, dense in _backbones(folder) for card in dense_cards(backbone, dense))
    return {**models(folder), **{card.key: card for card in sorted(made, key=lambda card: card.source)}}


@cache
def _backbones(folder: Path) -> tuple[tuple[ModelCard, DenseCards], ...]:
    """Return every classifier with what can be made of it."""
    found: dict[str, ModelCard] = {}
    made: list[DenseCards] = []
    for path in sorted(folder.glob("*.yaml")):
        document = _load(path)
        defaults: dict[str, Any] = document.get("defaults", {})
        for key, entry in document.get("models", {}).items():
            values = {**defaults, **entry, "key": key}
            made.append(_parse(DenseCards, path, {**values.pop("dense", {}), "key": key}))
            _add(found, _parse(ModelCard, path, values), path)
    return tuple(zip(found.values(), made, strict=True))


@cache
def tasks(folder: Path = HERE / "tasks") -> Mapping[str, TaskCard]:
    """Return every task by key; one YAML file each."""
    return _one_per_file(TaskCard, folder)


@cache
def protocols(folder: Path = HERE / "protocols") -> Mapping[str, Protocol]:
    """Return every protocol by key; one YAML file each."""
    return _one_per_file(Protocol, folder)


def _one_per_file(kind: type[CardT], folder: Path) -> Mapping[str, CardT]:
    found: dict[str, CardT] = {}
    for path in sorted(folder.glob("*.yaml")):
        _add(found, _parse(kind, path, {**_load(path), "key": path.stem}), path)
    return found


def _add(found: dict[str, CardT], card: CardT, path: Path) -> None:
    if card.key in found:
        raise UserError(f"{path}: {card.key} is already in the catalog")
    found[card.key] = card


def _load(path: Path) -> dict[str, Any]:
    try:
        document = SAFE_LOADER(path.read_text(encoding="utf-8")).get_single_data()
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not YAML: {error}") from None
    if not isinstance(document, dict):
        raise UserError(f"{path}: expected a mapping at the top")
    return document


def _parse(kind: type[CardT], path: Path, values: Mapping[str, Any]) -> CardT:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise UserError("\n".join(_mistakes(path, str(values.get("key")), error))) from None


def _mistakes(path: Path, key: str, error: ValidationError) -> Iterator[str]:
    for item in error.errors():
        where = ".".join(str(part) for part in (key, *item["loc"]))
        yield f"{path}: {where}: {item['msg']}"

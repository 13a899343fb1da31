"""Checks the names in a suite against the catalog, and its choices against protocol and task.

Works on the plain values of the file, so that one wrong field does not hide another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar, get_args

from pydantic import JsonValue

from bench.catalog.read import Catalog
from bench.plan.grammar import EXCEPT, matching
from bench.plan.mistakes import Mistake, Place
from bench.spec.card import ModelCard, Option, TaskCard
from bench.spec.cell import MEASURES, MEMORY_FORMATS, MODES, PRECISIONS
from bench.spec.errors import did_you_mean
from bench.spec.protocol import Protocol

MODELS_SHOWN = 8
Fields = Mapping[str, JsonValue]
CardT = TypeVar("CardT")


@dataclass(frozen=True)
class _Rules:
    """What the protocol and the task of one sweep allow; None where their names are wrong."""

    protocol: Protocol | None
    task: TaskCard | None


def name_mistakes(suite: JsonValue, catalog: Catalog) -> Iterator[Mistake]:
    """Yield every name that the catalog does not hold and every choice that is not allowed."""
    top = _fields(suite)
    protocol = top.get("protocol", "house")
    yield from _unknown("protocol", ("protocol",), protocol, catalog.protocols)
    for index, sweep in enumerate(_items(top.get("sweeps"))):
        yield from _in_sweep(("sweeps", index), _fields(sweep), protocol, catalog)


def _in_sweep(place: Place, sweep: Fields, protocol: JsonValue, catalog: Catalog) -> Iterator[Mistake]:
    yield from _unknown("protocol", (*place, "protocol"), sweep.get("protocol"), catalog.protocols)
    yield from _unknown("task", (*place, "task"), sweep.get("task"), catalog.tasks)
    protocol = sweep.get("protocol", protocol)
    rules = _Rules(_get(catalog.protocols, protocol), _get(catalog.tasks, sweep.get("task")))
    known = rules.task.choose(catalog.models) if rules.task else catalog.models
    bad_models = list(_unknown_models((*place, "models"), sweep.get("models"), catalog.models))
    bad_models += _of_another_kind((*place, "models"), sweep.get("models"), rules.task, catalog)
    yield from bad_models
    yield from _not_allowed(place, sweep, rules)
    globs = [text for text in _items(sweep.get("models")) if isinstance(text, str)]
    # a model that is misspelt above would make its override look wrong as well
    models = list(known) if bad_models else list(matching(globs, known))
    if globs and not models:
        yield Mistake(
            (*place, "models"), "takes out every model that it names; remove a line that begins with '!'"
        )
    yield from _without_choice(place, sweep, models, known)
    for glob, override in _fields(sweep.get("overrides")).items():
        inner = (*place, "overrides", glob)
        if not matching([glob], models):
            yield Mistake(
                inner, f"matches no model of this sweep; allowed: {_some(models)}{did_you_mean(glob, models)}"
            )
        yield from _not_allowed(inner, _fields(override), rules)
        yield from _without_choice(inner, _fields(override), matching([glob], models), known)


def _without_choice(
    place: Place, choices: Fields, models: Collection[str], known: Mapping[str, ModelCard]
) -> Iterator[Mistake]:
    """Yield each choice that concerns none of the models; where it concerns some, the others ignore it."""
    for option in get_args(Option):
        if option in choices and models and not any(option in known[key].options for key in models):
            with_it = [key for key, card in known.items() if option in card.options]
            yield Mistake(
                (*place, option),
                f"no model here has this choice; remove this line, or add one of {_some(with_it)}",
            )


def _unknown(kind: str, place: Place, name: JsonValue, known: Collection[str]) -> Iterator[Mistake]:
    if isinstance(name, str) and name not in known:
        yield Mistake(
            place, f"unknown {kind} {name!r}; allowed: {', '.join(known)}{did_you_mean(name, known)}"
        )


def _unknown_models(place: Place, models: JsonValue, known: Collection[str]) -> Iterator[Mistake]:
    listed = [name for name in _items(models) if isinstance(name, str)]
    if listed and all(name.startswith(EXCEPT) for name in listed):
        yield Mistake(place, f"takes models out of none; name some before, such as '*', then {listed[0]!r}")
    for index, full in enumerate(_items(models)):
        name = full.removeprefix(EXCEPT) if isinstance(full, str) else full
        if not isinstance(name, str) or matching([name], known):
            continue
        is_glob = any(sign in name for sign in "*?[")
        wrong = f"no model matches {name!r}" if is_glob else f"unknown model {name!r}"
        allowed = "allowed: the keys that `bench models` lists, and globs of them"
        yield Mistake((*place, index), f"{wrong}; {allowed}{did_you_mean(name.strip('*?'), known)}")


def _of_another_kind(
    place: Place, models: JsonValue, task: TaskCard | None, catalog: Catalog
) -> Iterator[Mistake]:
    """Yield each model, or glob, that names networks but none for this kind of task."""
    if task is None:
        return
    fitting = task.choose(catalog.models)
    for index, full in enumerate(_items(models)):
        name = full.removeprefix(EXCEPT) if isinstance(full, str) else full
        if not isinstance(name, str) or matching([name], fitting):
            continue
        strangers = matching([name], catalog.models)
        if strangers:
            kind = catalog.models[strangers[0]].kind
            yield Mistake(
                (*place, index),
                f"{name!r} is for {kind} and task {task.key} for {task.kind}; allowed: {_some(fitting)}",
            )


def _not_allowed(place: Place, choices: Fields, rules: _Rules) -> Iterator[Mistake]:
    protocol, task = rules.protocol, rules.task
    if protocol is not None:
        title = f"protocol {protocol.key}"
        for name, noun, known, allowed in (
            ("precisions", "precision", PRECISIONS, protocol.precisions),
            ("memory_formats", "memory format", MEMORY_FORMATS, protocol.memory_formats),
            ("modes", "mode", MODES, protocol.modes),
        ):
            yield from _outside(
                (*place, name), choices.get(name), known, allowed, f"{title} allows no {noun}"
            )
        if protocol.batch_fixed and "batch" in choices:
            fixed = ", ".join(f"{images} on {device}" for device, images in protocol.batch_images.items())
            yield Mistake((*place, "batch"), f"{title} fixes the batch ({fixed}); remove this line")
    if task is not None:
        yield from _outside(
            (*place, "measures"),
            choices.get("measures"),
            MEASURES,
            task.measures,
            f"task {task.key} allows no measure",
        )


def _outside(
    place: Place, values: JsonValue, known: Collection[str], allowed: Collection[str], wrong: str
) -> Iterator[Mistake]:
    for index, value in enumerate(_items(values)):
        if isinstance(value, str) and value in known and value not in allowed:
            yield Mistake((*place, index), f"{wrong} {value!r}; allowed: {', '.join(allowed)}")


def _get(known: Mapping[str, CardT], name: JsonValue) -> CardT | None:
    return known.get(name) if isinstance(name, str) else None


def _fields(value: JsonValue) -> Fields:
    return value if isinstance(value, dict) else {}


def _items(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _some(names: Collection[str]) -> str:
    shown = list(names)[:MODELS_SHOWN]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")

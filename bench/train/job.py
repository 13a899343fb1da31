"""One training from its options to its files."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from bench import zoo
from bench.catalog import read
from bench.machine import git
from bench.machine.download import sha256_of
from bench.machine.weights import SHIPPED
from bench.shapes import CLASSES
from bench.spec.card import ModelCard
from bench.spec.cell import RANDOM
from bench.spec.errors import BadWeights, UnknownName, UserError
from bench.store.atomic import replace
from bench.train import RESULT, evaluate, export, state
from bench.train import recipe as recipes
from bench.train.loop import Objective, Plan, Training
from bench.train.recipe import ClassificationRecipe, DenseRecipe, Recipe
from bench.train.start import spread
from bench.zoo.checkpoint import read_state_dict


@dataclass(frozen=True)
class Options:
    """What is asked of a training.

    Attributes:
        key: of the card.
        out: folder of everything that it leaves.
        cache: folder of the pictures, which trainings share.
        data: where the sets for evaluation are made; None for no evaluation at the end.
        minutes: to be done in, evaluation not included; None for all epochs of the recipe.
        device: of torch.
        seed: of order, views and dropped paths.
        recipe: file of recipes.
        changes: fields of the recipe that are others.
        start: file of the trained backbone of a detector or segmentor; None for the one beside `out` or
            the one that ships, where there is one.

    """

    key: str
    out: Path
    cache: Path
    data: Path | None = None
    minutes: float | None = None
    device: str = "cpu"
    seed: int = 0
    recipe: Path = recipes.HERE
    changes: tuple[tuple[str, Any], ...] = ()
    start: Path | None = None
    checkpoint_s: float = 10.0


def train(options: Options, started_s: float) -> dict[str, Any]:
    """Train, write `KEY.safetensors` and `result.json`, and return what the latter holds.

    `started_s` is when the clock of `minutes` began. Raises `UserError` for a key, recipe or device that does
    not exist or a folder that cannot be made, and what building the network and making the pictures raise.
    """
    cards = read.every_model()
    if options.key not in cards:
        raise UnknownName("model", options.key, cards)
    card = cards[options.key]
    if card.kind == "classification" and card.classes != len(CLASSES):
        raise UserError(
            f"{options.key} tells {card.classes:,} classes apart, and the pictures that the bench draws show "
            f"{len(CLASSES)}; train one of micro_*, or a card of your own with `classes: {len(CLASSES)}`"
        )
    recipe = recipes.read(card.kind, options.recipe, dict(options.changes))
    device = _device(options.device)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out {options.out}: no folder that can be written: {error.strerror}") from None
    _switch(recipe, device)
    model = _network(card, recipe)
    start = _started_from(card, options)
    if start is not None:
        begin_from(model, start)
    model.to(device)
    objective = objective_of(card, recipe, device, options.cache)
    plan = Plan(
        folder=options.out,
        wish=_wish(options, recipe, start),
        seed=options.seed,
        device=device,
        end_s=None if options.minutes is None else started_s + 60 * options.minutes,
        checkpoint_s=options.checkpoint_s,
    )
    factor = recipe.backbone_lr if isinstance(recipe, DenseRecipe) and start is not None else 1.0
    about = _provenance(options, recipe, start, device)
    state.append(options.out, {"event": "start", **about})
    training = Training(model, objective, recipe, plan, factor)
    trained = training.run()
    if not trained.epochs:
        raise UserError(
            f"{options.out}: not one epoch ended in {options.minutes} minutes, pictures included; "
            "raise --minutes"
        )
    path = options.out / f"{options.key}.safetensors"
    if not export.finite(trained.weights):
        raise UserError(f"{options.out}: the weights do not fit half precision; lower `lr` of the recipe")
    result = {
        **about,
        "file": path.name,
        "sha256": export.write(trained.weights, path),
        "weights": trained.best,
        "epochs": trained.epochs,
        "whole": trained.whole,
        "validation": {objective.metric: dict(trained.scores)},
        "wall_s": round(training.spent_s(), 1),
    }
    _write(options.out, result)
    if options.data is not None:
        # in a line of its own: the file is there whatever happens from here on
        result = {**result, "rounded": evaluate.score(card, path, options.data)}
        _write(options.out, result)
    return result


def objective_of(card: ModelCard, recipe: Recipe, device: torch.device, cache: Path) -> Objective:
    """Return what a network is to learn, its pictures in the memory of the device."""
    if isinstance(recipe, ClassificationRecipe):
        from bench.train.classify import Classification  # noqa: PLC0415

        return Classification(card, recipe, device, cache)
    from bench.train.detect import Detection  # noqa: PLC0415
    from bench.train.scene_batches import SceneBatches  # noqa: PLC0415
    from bench.train.segment import Segmentation  # noqa: PLC0415

    layout = read.tasks()[evaluate.TASKS[card.kind]].layout
    scenes = SceneBatches(cast(Any, layout), cast(DenseRecipe, recipe), device, cache)
    return Detection(scenes) if card.kind == "detection" else Segmentation(scenes)


def begin_from(model: nn.Module, path: Path) -> None:
    """Give a detector or segmentor the trained backbone of a classifier.

    Raises `BadWeights` where an entry of the backbone, its output norms aside, is not in the file.
    """
    backbone = model.get_submodule("backbone")
    state_dict, wanted = read_state_dict(path), backbone.state_dict()
    taken = {
        name: value
        for name, value in state_dict.items()
        if name in wanted and wanted[name].shape == value.shape
    }
    missing = [name for name in wanted if name not in taken and not name.startswith("outnorm")]
    if missing:
        raise BadWeights(f"{path} is not of this backbone: it has no {missing[0]} of its shape")
    backbone.load_state_dict(taken, strict=False)


def _started_from(card: ModelCard, options: Options) -> Path | None:
    if card.kind == "classification":
        return None
    if options.start is not None:
        return options.start
    name = f"{card.ref}.safetensors"
    places = (options.out.parent / card.ref / name, SHIPPED / name)
    return next((place for place in places if place.is_file()), None)


def _network(card: ModelCard, recipe: Recipe) -> nn.Module:
    choices = zoo.Choices(recipe.scan_backend if "scan_backend" in card.options else "auto")
    size = (card.height_px, card.width_px)
    model = zoo.load(card, weights=RANDOM, height_px=size[0], width_px=size[1], choices=choices).model
    if card.kind == "classification":
        spread(model, card.classes)
    return model


def _device(text: str) -> torch.device:
    try:
        device = torch.device(text)
    except RuntimeError:
        device = None
    if device is None or device.type not in {"cpu", "cuda"}:
        raise UserError(f"--device {text}: expected cpu or cuda:0")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(
            f"--device {text}: torch finds {torch.cuda.device_count()} GPUs here; name another, or cpu"
        )
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device


def _switch(recipe: Recipe, device: torch.device) -> None:
    if device.type != "cuda":
        return
    torch.cuda.set_device(device)
    # a detector's batches of regions differ in size, and each size would be searched for anew
    torch.backends.cudnn.benchmark = isinstance(recipe, ClassificationRecipe)
    torch.set_float32_matmul_precision("highest" if recipe.precision == "fp32" else "high")


def _wish(options: Options, recipe: Recipe, start: Path | None) -> str:
    content = {
        "key": options.key,
        "seed": options.seed,
        "recipe": recipe.model_dump(mode="json"),
        "backbone": None if start is None else sha256_of(start),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _provenance(options: Options, recipe: Recipe, start: Path | None, device: torch.device) -> dict[str, Any]:
    commit, dirty = git.revision()
    return {
        "model": options.key,
        "recipe": recipe.model_dump(mode="json"),
        "seed": options.seed,
        "minutes": options.minutes,
        "backbone": None if start is None else start.name,
        "backbone_sha256": None if start is None else sha256_of(start),
        "device": torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else platform.processor() or "cpu",
        "torch": torch.__version__,
        "python": platform.python_version(),
        "git_commit": commit,
        "git_dirty": dirty,
    }


def _write(folder: Path, result: dict[str, Any]) -> None:
    replace(folder / RESULT, json.dumps(result, indent=2) + "\n")

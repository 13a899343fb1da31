"""The extra that these tests need, small sets in real formats, and small networks that have learnt them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bench import zoo
from bench.catalog import read
from bench.machine import openmmlab
from bench.spec.card import Layout, TaskCard
from bench.spec.cell import Cell
from bench.spec.job import Job
from bench.spec.record import Measured

MakeJob = Callable[..., Job]
Score = Callable[..., Measured]
CLASSES = 5
"""How many of the classes occur; a small network learns them in seconds."""


@dataclass(frozen=True)
class Set:
    """A set in a published format below `data`, its task and the configuration of a small network for it."""

    root: Path
    task: TaskCard
    config: dict[str, Any]

    @property
    def data(self) -> Path:
        return self.root.parent


def start_openmmlab() -> None:
    """Import OpenMMLab, mended; skip where it is not installed, which continuous integration has."""
    absent = openmmlab.missing()
    if absent:
        pytest.skip(f"the extra `dense` is not installed: no {', '.join(absent)}")
    from bench.zoo.openmmlab import source, stack

    stack.start()
    source.register()


@pytest.fixture(scope="session", autouse=True)
def _extra() -> None:
    start_openmmlab()


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def make_job(tmp_path: Path) -> MakeJob:
    """Return a maker of jobs that score a random network on the CPU; fields of the cell and of the job."""

    def make(task: TaskCard, data: Path, checkpoint: str, **fields: Any) -> Job:
        assert task.layout is not None
        of_job = {name: fields.pop(name) for name in tuple(fields) if name in Job.model_fields}
        cell: dict[str, Any] = {
            "checkpoint": checkpoint,
            "task": task.key,
            "task_digest": task.content_digest,
            "height_px": task.layout.at[0],
            "width_px": task.layout.at[1],
            "precision": "fp32",
            "measure": "accuracy",
            "device": "cpu",
            "protocol": "house",
            "protocol_digest": "",
            "weights": "random",
        }
        return Job(
            cell=Cell(**(cell | fields)),
            card=read.every_model()[checkpoint],
            protocol=read.protocols()["house"],
            task=task,
            data_dir=str(data),
            device="cpu",
            limit_s=60,
            **of_job,
        )

    return make


@pytest.fixture
def answer_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[nn.Module], None]:
    """Return a function after which every card is built as this very network."""

    def answer(model: nn.Module) -> None:
        monkeypatch.setattr(zoo, "load", lambda *_, **__: zoo.Loaded(model.eval(), None))

    return answer


def published_data(package: str, name: str, root: str, scale: tuple[int, int]) -> Any:
    """Return the data configuration that comes with a package of OpenMMLab, for a set and scale of ours."""
    from mmengine.config import Config

    folder = Path(str(import_module(package).__file__)).parent / ".mim" / "configs" / "_base_" / "datasets"
    published = Config.fromfile(str(folder / name))
    loader = published.test_dataloader
    loader.dataset.data_root = root
    loader.num_workers, loader.persistent_workers = 0, False
    for step in loader.dataset.pipeline:
        if step.type == "Resize":
            step.scale = scale
    return published


def run_test(package: str, network: dict[str, Any], state: dict[str, Any], data: Any, work: Path) -> Any:
    """Return what mmengine's `Runner` scores a network with this state on the data of `published_data`."""
    from mmengine.config import Config
    from mmengine.runner import Runner

    torch.save({"state_dict": state}, work / "x.pth")
    settings = {
        "model": network,
        "work_dir": str(work),
        "test_dataloader": data.test_dataloader,
        "test_evaluator": data.test_evaluator,
        "test_cfg": {"type": "TestLoop"},
        "load_from": str(work / "x.pth"),
        "default_scope": package,
        "experiment_name": f"{package}{work.name}",
        "log_level": "ERROR",
    }
    return Runner.from_cfg(Config(settings)).test()


def small_task(key: str, images: int, layout: dict[str, Any]) -> TaskCard:
    """Return a task like one of the catalog, with a set of its own size."""
    card = read.tasks()[key]
    assert card.layout is not None
    changed = Layout.model_validate(card.layout.model_dump() | layout)
    return card.model_copy(update={"images": images, "layout": changed})


def learn(model: Any, batches: list[Any], steps: int, rate: float) -> None:
    """Train a model of OpenMMLab for some steps, one batch after the other, with a falling rate."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    model.train()
    for step in range(steps):
        data = model.data_preprocessor(batches[step % len(batches)], True)
        loss, _ = model.parse_losses(model(**data, mode="loss"))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        schedule.step()
    model.eval()

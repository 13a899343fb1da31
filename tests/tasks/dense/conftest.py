"""The extra that these tests need, small sets in real formats, and small networks that have learnt them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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

MakeJob = Callable[..., Job]
CLASSES = 5
"""How many of the classes occur; a small network learns them in seconds."""


@pytest.fixture(scope="session", autouse=True)
def _extra() -> None:
    """Skip where OpenMMLab is not installed; continuous integration has it."""
    absent = openmmlab.missing()
    if absent:
        pytest.skip(f"the extra `dense` is not installed: no {', '.join(absent)}")
    from bench.zoo.openmmlab import source, stack

    stack.start()
    source.register()


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

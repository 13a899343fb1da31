"""The drawn sets, made once, and the evaluation of a model on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.catalog import read
from bench.machine import openmmlab
from bench.spec.record import Record
from bench.tasks.classification import accuracy
from bench.tasks.dense.network import Predictor
from bench.worker import main as worker
from tests.quickstart import evaluating
from tests.quickstart.planting import Stage, forget_tables

Evaluate = Callable[..., Record]


class Kept:
    """What evaluations without a bug have computed: batches of classifiers, predictions of the others."""

    def __init__(self) -> None:
        self._load, self._predict = accuracy.loader, Predictor.predict
        self._batches: list[Any] = []
        self._samples: dict[str, Any] = {}

    def loader(self, *given: Any, **named: Any) -> list[Any]:
        """Read all images once."""
        if not self._batches:
            self._batches += self._load(*given, **named)
        return self._batches

    def prediction(self) -> Callable[[Predictor, Any], Any]:
        """Return a method that predicts what is in an image once, for labels that may be others each time."""

        def predict(predictor: Predictor, data: Any) -> Any:
            sample = data["data_samples"]
            if sample.img_path not in self._samples:
                self._samples[sample.img_path] = self._predict(predictor, data)
            found = self._samples[sample.img_path]
            sample.set_data({name: value for name, value in found.all_items() if name.startswith("pred_")})
            return sample

        return predict


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the sets, which the first evaluations make."""
    return tmp_path_factory.mktemp("drawn")


@pytest.fixture(scope="session")
def kept() -> Kept:
    return Kept()


def need_extra(model: str) -> None:
    """Skip detectors and segmentors where OpenMMLab is not installed; continuous integration has it."""
    absent = openmmlab.missing()
    if absent and read.every_model()[model].kind != "classification":
        pytest.skip(f"the extra `dense` is not installed: no {', '.join(absent)}")


@pytest.fixture
def evaluate(drawn: Path, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> Iterator[Evaluate]:
    """Yield the evaluation of a model, which takes what lies before the stage of a bug from what is kept."""
    threads = torch.get_num_threads()
    monkeypatch.setattr(worker, "usable_cpu_count", lambda: 1)
    forget_tables()

    def evaluated(model: str, stage: Stage = "network") -> Record:
        if stage != "reading":
            monkeypatch.setattr(accuracy, "loader", kept.loader)
        if stage == "scoring":
            monkeypatch.setattr(Predictor, "predict", kept.prediction())
        return evaluating.evaluate(model, drawn)

    yield evaluated
    torch.set_num_threads(threads)
    forget_tables()

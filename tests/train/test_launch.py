"""Several trainings at once: each on its GPU, and none stopped by another's failure."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.spec.errors import UserError
from bench.train import launch

TINY = ("train_images=20", "val_images=10", "batch=10", "epochs=1", "warmup_steps=2", "score_every=1")


def test_chains_are_read() -> None:
    assert launch.parse("1:micro_vim@1.5,upernet-micro_vmamba@3") == launch.Chain(
        "1", (launch.Leg("micro_vim", 1.5), launch.Leg("upernet-micro_vmamba", 3.0))
    )
    assert launch.parse("cpu:micro_vim@1").gpu is None
    for text in ("0:micro_vim", "micro_vim@3", "0:@3"):
        with pytest.raises(UserError, match="expected GPU:MODEL@MINUTES"):
            launch.parse(text)


def test_one_that_fails_stops_no_other(tmp_path: Path) -> None:
    sets = [part for change in TINY for part in ("--set", change)]
    command = [
        *(sys.executable, "-m", "bench.train", "--launch", "--out", str(tmp_path), *sets),
        "cpu:mambaout_femto@4,micro_mambaout@4",
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    assert found.returncode == 1
    model = "micro_mambaout"
    result = json.loads((tmp_path / model / "result.json").read_text())
    reached = f"; 1 epochs, {result['validation']}, {result['weights']} taken"
    told = rf"{model}: done in \d+ s" + re.escape(reached)
    assert re.search(told, found.stdout)
    assert (result["model"], result["epochs"], result["whole"]) == (model, 1, True)
    assert (tmp_path / model / f"{model}.safetensors").is_file()
    assert "mambaout_femto: failed with exit code 2" in found.stdout
    assert "bench.train: mambaout_femto tells 1,000 classes apart" in found.stdout


def test_what_an_earlier_training_reached_is_not_told_of_one_that_failed(tmp_path: Path) -> None:
    (tmp_path / "micro_vim").mkdir()
    result = {"epochs": 40, "validation": {"top1_percent": {"raw": 92.5}}, "weights": "raw"}
    (tmp_path / "micro_vim" / "result.json").write_text(json.dumps(result))
    chain = launch.parse("cpu:micro_vim@1")
    ended = launch.launch([chain], tmp_path, ["--set", "no_such_field=1"])
    assert re.fullmatch(r"failed with exit code 2 after \d+ s", ended["micro_vim"])
    (how, *said) = launch.summary(ended, tmp_path)
    assert how == f"micro_vim: {ended['micro_vim']}"
    assert any("no_such_field" in line for line in said)

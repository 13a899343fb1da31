"""Wrong input of a training: one message that names it, exit code 2, and nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.spec.errors import UserError
from bench.train import job, launch, state
from bench.train.__main__ import main
from tests.train.conftest import dense
from tests.train.test_launch import TINY


def says(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 2
    return capsys.readouterr().err


def test_devices_that_are_not_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ("micro_vim", "--out", str(tmp_path / "out"))
    assert "--device nonsense: expected cpu or cuda:0" in says(capsys, *out, "--device", "nonsense")
    assert "--device cuda:99: torch finds " in says(capsys, *out, "--device", "cuda:99")
    assert not (tmp_path / "out").exists()


def test_the_first_gpu_where_no_number_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert job._device("cuda") == torch.device("cuda", 0)


def test_too_little_time_for_an_epoch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sets = [part for change in TINY for part in ("--set", change)]
    out = tmp_path / "out"
    said = says(capsys, "micro_mambaout", "--out", str(out), "--minutes", "1e-6", *sets)
    assert f"{out}: not one epoch ended in 1e-06 minutes, pictures included; raise --minutes" in said
    assert not list(out.glob("*.safetensors"))


def test_another_backbone_is_another_training(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("first", "second")]
    for file in files:
        file.write_text(file.name)
    options = job.Options("upernet-micro_vmamba", tmp_path, tmp_path)
    made = dense("segmentation")
    wishes = {job._wish(options, made, start) for start in (None, *files)}
    assert len(wishes) == 3
    files[1].write_text("first")
    assert job._wish(options, made, files[1]) == job._wish(options, made, files[0])


def test_a_file_as_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    assert f"--out {file}: no folder that can be written" in says(capsys, "micro_vim", "--out", str(file))
    assert file.read_text() == "mine"


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf", "text"])
def test_minutes_that_are_none(minutes: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["micro_vim", "--out", str(tmp_path), f"--minutes={minutes}"])
    assert ended.value.code == 2
    with pytest.raises(UserError, match="expected GPU:MODEL@MINUTES"):
        launch.parse(f"0:micro_vim@{minutes}")


def test_a_launch_that_cannot_be_meant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    launched = ("--launch", "--out", str(tmp_path / "out"), "cpu:micro_vim@1")
    assert "unknown model 'micro_vin'" in says(capsys, *launched, "cpu:micro_vin@1")
    assert "micro_vim is named twice; its folder holds one training" in says(
        capsys, *launched, "cpu:micro_mambaout@1,micro_vim@2"
    )
    for option in (("--minutes", "3"), ("--device", "cuda:0")):
        assert "--launch takes minutes and GPU from each chain" in says(capsys, *launched, *option)
    assert "train with --start alone" in says(capsys, *launched, "--start", str(tmp_path))
    assert "':micro_vim@1': expected GPU:MODEL@MINUTES" in says(capsys, *launched[:-1], ":micro_vim@1")
    assert not (tmp_path / "out").exists()


def test_a_network_of_other_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert "mambaout_femto tells 1,000 classes apart, and the pictures that the bench draws show 10" in says(
        capsys, "mambaout_femto", "--out", str(out)
    )
    assert not out.exists()


def test_changes_that_a_recipe_does_not_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ("micro_vim", "--out", str(tmp_path / "out"), "--set")
    assert "--set epochs: input should be greater than 0" in says(capsys, *out, "epochs=0")
    for span in ("[0, 1]", "[0.9, 0.2]", "[0.5, NaN]"):
        said = says(capsys, *out, f"crop_area={span}")
        assert "--set crop_area: expected two numbers above 0, the smaller first" in said
    assert "--set lrr: extra inputs are not permitted" in says(capsys, *out, "lrr=1")


def test_a_file_of_recipes_in_another_encoding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes("classification: {}  # é".encode("latin-1"))
    said = says(capsys, "micro_vim", "--out", str(tmp_path / "out"), "--recipe", str(file))
    assert f"{file}: not a readable file of recipes" in said


def test_files_that_are_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "micro_vim" / "micro_vim.safetensors"
    for how in (("--install",), ("--evaluate", "--data", str(tmp_path))):
        said = says(capsys, "micro_vim", "--out", str(tmp_path), *how)
        assert f"no file {path}; train micro_vim first, or correct --out" in said


def test_a_damaged_checkpoint_stays_and_is_named(tmp_path: Path) -> None:
    state.save(tmp_path, state.Saved(1, 2, "wish", {}))
    path = tmp_path / state.CHECKPOINT
    half = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(half)
    with pytest.raises(UserError, match=r"checkpoint.pt is damaged .*; remove it to begin anew"):
        state.restore(tmp_path, "wish")
    assert path.read_bytes() == half

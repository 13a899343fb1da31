"""What the list of checkpoints says of their weights."""

from __future__ import annotations

import json

import pytest

from bench.catalog import read
from bench.cli.main import main


def test_it_says_where_the_weights_of_every_checkpoint_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    said = {line.split()[0]: line for line in lines if line.strip()}
    assert said["micro_vim"].endswith("ships with the bench: micro_vim.safetensors")
    assert said["mambaout_tiny"].endswith(read.models()["mambaout_tiny"].weights_url or "")
    assert "none public: MambaOut shows the accuracies" in said["vit_tiny_causal"]
    assert not [line for line in lines if line.endswith("None")]


def test_a_script_reads_which_file_ships(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    cards = {card["key"]: card for card in json.loads(capsys.readouterr().out)["models"]}
    assert cards["micro_vim"]["weights_file"] == "micro_vim.safetensors"
    assert cards["vim_tiny"]["weights_file"] is None

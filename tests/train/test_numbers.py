"""Schedule, average and parameter groups are the formulas that their docstrings state."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from bench import zoo
from bench.spec.errors import UserError
from bench.train import recipe
from bench.train.average import Average, decay_at
from bench.train.decay import groups
from bench.train.schedule import epochs_that_fit, learning_rate
from bench.train.start import spread
from tests.train.conftest import classification


def test_the_rate_rises_in_a_line_and_falls_by_a_cosine() -> None:
    made = classification(lr=0.1, min_lr=0.01, warmup_steps=10)
    assert learning_rate(made, 0, 100) == pytest.approx(0.1 * 0.1)
    assert learning_rate(made, 4, 100) == pytest.approx(
        0.5 * (0.01 + 0.09 * (1 + math.cos(0.04 * math.pi)) / 2)
    )
    assert learning_rate(made, 50, 100) == pytest.approx(0.055)
    assert learning_rate(made, 100, 100) == learning_rate(made, 300, 100) == pytest.approx(0.01)
    assert learning_rate(classification(lr=0.1, warmup_steps=0), 0, 100) == pytest.approx(0.1)


def test_epochs_that_fit_into_what_is_left() -> None:
    assert epochs_that_fit(0, 60, [], 5.0) == 60
    assert epochs_that_fit(3, 60, [9.0, 2.0, 2.0, 2.0, 2.0, 2.0], 11.0) == 8
    assert epochs_that_fit(3, 60, [2.0], 1000.0) == 60
    assert epochs_that_fit(3, 60, [2.0], -1.0) == 3


def test_the_average_follows_its_formula() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = Average(model, 0.9)
    expected = {name: value.clone() for name, value in model.named_parameters()}
    for step in range(200):
        with torch.no_grad():
            for value in model.parameters():
                value.add_(torch.randn(value.shape))
            model(torch.randn(4, 2))
        average.update(step)
        kept = min(0.9, (1 + step) / (10 + step))
        assert kept == decay_at(step, 0.9)
        for name, value in model.named_parameters():
            expected[name] = kept * expected[name] + (1 - kept) * value.detach()
    for name, value in average.module.named_parameters():
        assert torch.allclose(value, expected[name], atol=1e-5)
    assert torch.equal(average.module[1].running_var, model[1].running_var)
    assert int(average.module[1].num_batches_tracked) == 200


@pytest.mark.parametrize("key", ["micro_vim", "micro_local_vmamba", "micro_vit_causal", "micro_mambaout"])
def test_norms_biases_tables_and_state_spaces_do_not_decay(key: str) -> None:
    model = zoo.build(key)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = {
        names[id(parameter)]: group["weight_decay"]
        for group in groups(model, 0.05)
        for parameter in group["params"]
    }
    assert set(found) == set(names.values())
    free = {name for name, decay in found.items() if decay == 0}
    matrices = {name for name, value in model.named_parameters() if value.ndim > 1}
    kinds = {name.rsplit(".", 1)[-1] for name in free & matrices}
    assert (
        kinds
        == {
            "micro_vim": {"A_log", "A_b_log", "pos_embed", "cls_token"},
            "micro_local_vmamba": {"A_logs", "dt_projs_bias"},
            "micro_vit_causal": {"pos_embed"},
            "micro_mambaout": set(),
        }[key]
    )
    assert {name for name in names.values() if name.endswith("bias")} <= free


def test_a_trained_backbone_has_a_rate_of_its_own() -> None:
    model = nn.ModuleDict({"backbone": nn.Linear(2, 2), "head": nn.Linear(2, 2)})
    rates = {
        (group["factor"], group["weight_decay"]): len(group["params"]) for group in groups(model, 0.1, 0.5)
    }
    assert rates == {(0.5, 0.1): 1, (0.5, 0.0): 1, (1.0, 0.1): 1, (1.0, 0.0): 1}


def test_narrow_starts_are_spread_and_wide_ones_kept() -> None:
    model = nn.Sequential(nn.Linear(100, 50), nn.Linear(50, 100), nn.Linear(100, 10))
    for layer in (model[0], model[2]):
        nn.init.normal_(layer.weight, std=0.02)
    before = [layer.weight.detach().clone() for layer in model]
    spread(model, classes=10)
    assert float(model[0].weight.detach().std()) == pytest.approx(0.1)
    assert torch.equal(model[1].weight, before[1])
    assert torch.equal(model[2].weight, before[2])


def test_a_wrong_recipe_names_file_and_field(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--set batch: input should be greater than 0"):
        recipe.read("classification", changes={"batch": 0})
    with pytest.raises(UserError, match=r"--set bach: extra inputs are not permitted"):
        recipe.read("classification", changes={"bach": 1})
    path = tmp_path / "low.yaml"
    path.write_text(recipe.HERE.read_text().replace("batch: 256", "batch: 0"))
    with pytest.raises(UserError, match=r"low.yaml: classification.batch: input should be greater than 0"):
        recipe.read("classification", path)
    path = tmp_path / "mine.yaml"
    path.write_text("detection: {}\n")
    with pytest.raises(UserError, match=r"mine.yaml: has no recipe for classification"):
        recipe.read("classification", path)

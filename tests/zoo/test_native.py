"""Cards of our own networks: addresses, choices, and what the messages say."""

from __future__ import annotations

import copy
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import torch
from safetensors.torch import save_file

from bench import zoo
from bench.catalog import read
from bench.machine import weights as cache
from bench.machine.scans import PACKAGES
from bench.nets.build import NETS
from bench.ops.selective_scan import BACKENDS
from bench.spec.cell import SCAN_BACKENDS, Cell
from bench.spec.errors import MissingWeights, UnknownName, Unsupported, UserError
from bench.zoo.reduced_source import REDUCED
from bench.zoo.scan import scan_backend, true_inverse
from bench.zoo.vit_source import ARCHITECTURES
from tests.records import make_cell

OURS = {key: card for key, card in read.models().items() if card.source != "timm"}


def test_every_network_of_ours_has_a_card_of_its_name() -> None:
    assert {key for key, card in OURS.items() if card.source == "native"} == set(NETS)
    assert {key for key, card in OURS.items() if card.source == "vit"} == set(ARCHITECTURES)
    assert {key for key, card in OURS.items() if card.source == "reduced"} == set(REDUCED)
    assert all(card.ref == key for key, card in OURS.items())


def test_the_names_of_backends_are_those_of_the_operator() -> None:
    assert list(SCAN_BACKENDS) == ["auto", *BACKENDS]
    assert set(PACKAGES) < set(BACKENDS)


@pytest.mark.parametrize("key", OURS)
def test_a_card_has_an_address_or_a_file_or_says_why_not(key: str) -> None:
    card = OURS[key]
    given = [card.weights_url, card.weights_file, card.no_weights]
    assert [each is not None for each in given].count(True) == 1
    assert card.preprocessing.interpolation == "bicubic"
    assert card.preprocessing.crop_pct == (0.9 if card.source == "vit" else 0.875)


@pytest.mark.parametrize("key", [key for key in OURS if key.startswith("vmamba")])
def test_the_tag_in_an_address_of_vmamba_is_no_fragment(key: str) -> None:
    url = urlsplit(OURS[key].weights_url or "")
    tag = "v0cls" if "v0" in key else "v2cls"
    assert url.fragment == ""
    folder, _, name = url.path.rpartition("/")
    assert folder == f"/MzeroMiko/VMamba/releases/download/%23{tag}"
    assert cache.cache_path(OURS[key]).name == f"{key}-{name}"


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("local_vmamba_tiny", "its authors have announced a retraining and published no file since"),
        ("localvim_small", "the link of its authors leads to local_vssm_small.ckpt, which is LocalVMamba-S"),
        (
            "vit_tiny_causal",
            "MambaOut shows the accuracies of this experiment and published neither code nor",
        ),
    ],
)
def test_what_was_never_published_is_not_offered_for_download(key: str, reason: str) -> None:
    with pytest.raises(MissingWeights) as caught:
        zoo.build(key, weights="published")
    assert str(caught.value).startswith(f"no public weights of {key}: {reason}")
    assert str(caught.value).endswith("; name a file as `weights` in the suite")


def test_published_weights_that_are_not_here_are_named_with_their_place() -> None:
    with pytest.raises(MissingWeights) as caught:
        zoo.build("vmamba_v0_tiny", weights="published")
    assert str(caught.value) == (
        "https://github.com/MzeroMiko/VMamba/releases/download/%23v0cls/vssmtiny_dp01_ckpt_epoch_292.pth "
        "is not in the cache and this machine is set offline; put the file at "
        f"{cache.cache_folder()}/vmamba_v0_tiny-vssmtiny_dp01_ckpt_epoch_292.pth"
    )


@torch.inference_mode()
def test_backends_compute_the_same_and_both_inverses_are_reachable() -> None:
    x = torch.randn(1, 3, 32, 64, generator=torch.Generator().manual_seed(0))
    published, reference, correct = (
        zoo.build("local_vmamba_tiny", **choice)(x)  # type: ignore[arg-type]
        for choice in ({}, {"scan_backend": "reference"}, {"true_inverse": True})
    )
    assert (published - reference).norm() <= 1e-4 * published.norm()
    assert (published - correct).norm() > 1e-3 * published.norm()


@pytest.mark.parametrize(
    ("key", "choice", "message"),
    [
        (
            "mambaout_tiny",
            {"scan_backend": "torch"},
            "does not have the choice scan_backend; it has nothing of the",
        ),
        (
            "vim_tiny",
            {"true_inverse": True},
            "does not have the choice true_inverse; it has only scan_backend",
        ),
    ],
)
def test_choices_that_a_network_does_not_have(key: str, choice: dict[str, bool], message: str) -> None:
    with pytest.raises(UserError, match=f"{key} {message}"):
        zoo.build(key, **choice)  # type: ignore[arg-type]


def test_a_misspelt_backend() -> None:
    with pytest.raises(UnknownName, match="unknown scan backend 'trition'; did you mean 'triton'"):
        zoo.build("vim_tiny", scan_backend="trition")


def cell(checkpoint: str, **fields: object) -> Cell:
    return make_cell(checkpoint, "throughput", **fields)


def test_what_is_recorded_is_what_ran() -> None:
    cards = read.models()
    vim = cards["vim_tiny"]
    assert scan_backend(vim, cell("vim_tiny"), "cpu") == "torch"
    assert scan_backend(vim, cell("vim_tiny"), "cuda:0") == "triton"
    assert scan_backend(vim, cell("vim_tiny", scan_backend="reference"), "cuda:0") == "reference"
    complexity = make_cell("vim_tiny", "complexity")
    assert scan_backend(vim, complexity, "cuda:0") == "torch"
    assert scan_backend(cards["deit_tiny"], cell("deit_tiny"), "cpu") is None
    assert true_inverse(vim, cell("vim_tiny")) is None
    local = cards["localvim_tiny"]
    assert true_inverse(local, cell("localvim_tiny")) is False
    assert true_inverse(local, cell("localvim_tiny", true_inverse=True)) is True


def test_a_backend_that_cannot_run_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="scan backend 'triton' needs a CUDA tensor, not one on cpu"):
        scan_backend(read.models()["vim_tiny"], cell("vim_tiny", scan_backend="triton"), "cpu")


@torch.inference_mode()
def test_twins_of_vit_differ_in_nothing_but_the_mask(tmp_path: Path) -> None:
    causal = zoo.build("vit_tiny_causal", image_size=(64, 64))
    save_file(causal.state_dict(), tmp_path / "x.safetensors")
    visible = zoo.build("vit_tiny_visible", weights=tmp_path / "x.safetensors", image_size=(64, 64))
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    changed = x.clone()
    changed[:, :, 32:48, 16:32] += 1  # token 9 of 16
    for model, untouched in ((causal, 9), (visible, 0)):
        before, after = model.forward_features(x), model.forward_features(changed)  # type: ignore[operator]
        assert (before == after).all(dim=-1).sum(dim=1).tolist() == [untouched] * 2
        torch.testing.assert_close(model(x), model.head(before.mean(dim=1)))  # type: ignore[operator]


def test_a_network_keeps_its_choices_in_a_copy() -> None:
    model = zoo.build("vim_tiny", image_size=(32, 32), scan_backend="reference")
    twin = copy.deepcopy(model)
    assert {module.scan_backend for module in twin.modules() if hasattr(module, "scan_backend")} == {
        "reference"
    }

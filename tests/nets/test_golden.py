"""Equality with the published networks: names, shapes, logits, features, maps, inner tensors."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.nets.build import Config, Options, build_config, build_net
from bench.nets.plain import PlainClassifier
from bench.nets.vim import BidirectionalMixer

Fill = Callable[..., nn.Module]
Image = Callable[[int, tuple[int, ...]], Tensor]
Read = Callable[[str], Any]

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"
PLAIN = ("vim_tiny", "localvim_tiny", "localvim_tiny_middle_cls_token")
HIERARCHIES = ("vmamba_tiny_s1l8", "vmamba_v0_small", "local_vmamba_tiny")
FLOAT32_SLACK = 5e-5  # float64 is in test_published.py


def gap(ours: Tensor, stored: NDArray[np.float64]) -> float:
    """Return the largest difference in units of the stored array's standard deviation."""
    assert tuple(ours.shape) == stored.shape
    return float(np.abs(ours.double().numpy() - stored).max() / stored.std())


@pytest.mark.parametrize("key", PLAIN + HIERARCHIES)
def test_these_weights_are_those_of_the_stored_results(
    key: str, golden: Read, fill: Fill, small_configs: dict[str, Config]
) -> None:
    golden("vim_tiny")
    spec = importlib.util.spec_from_file_location("golden_weights", GOLDEN / "weights.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    ours, theirs = (build_config(small_configs[key], (32, 32), Options(seed=seed)) for seed in (0, 1))
    fill(ours, strong=False)
    module.fill(theirs)
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], tensor), name


@pytest.mark.parametrize("key", PLAIN + HIERARCHIES)
def test_names_shapes_and_count(key: str, golden: Read) -> None:
    with torch.device("meta"):
        net = build_net(key)
    spec = golden(key).spec
    assert {name: list(tensor.shape) for name, tensor in net.state_dict().items()} == spec["state_dict"]
    assert sum(parameter.numel() for parameter in net.parameters()) == spec["params"]


@pytest.mark.parametrize("key", HIERARCHIES)
def test_names_of_the_backbone(key: str, golden: Read) -> None:
    spec = golden(key).spec
    with torch.device("meta"):
        net = build_net(key, backbone=True, out_indices=spec["backbone"]["out_indices"])
    expected = {
        name: shape for name, shape in spec["state_dict"].items() if name not in spec["backbone"]["removed"]
    } | spec["backbone"]["added"]
    assert {name: list(tensor.shape) for name, tensor in net.state_dict().items()} == expected


PLAIN_CASES = [
    ("vim_tiny", 0, 224, 224),
    ("vim_tiny", 1, 256, 256),
    ("localvim_tiny", 0, 224, 224),
    ("localvim_tiny", 1, 256, 256),
    ("localvim_tiny", 2, 224, 192),
    ("localvim_tiny_middle_cls_token", 0, 224, 224),
]


@pytest.mark.parametrize("case", PLAIN_CASES, ids=str)
@torch.inference_mode()
def test_plain_logits(case: tuple[str, int, int, int], filled: Fill, image: Image, golden: Read) -> None:
    key, seed, height, width = case
    net = filled(key)
    stored = golden(key)
    if key == "vim_tiny" and height != 224:
        small, net = net, build_net(key, (height, width))
        table = {"pos_embed": torch.from_numpy(stored.arrays[f"pos_embed_{height}x{width}"])}
        net.load_state_dict(small.state_dict() | table)
    logits = net(image(seed, (2, 3, height, width))[:1]).numpy()
    expected = stored.array(f"logits_{seed}_{height}x{width}")[:1]
    np.testing.assert_allclose(logits, expected, **stored.spec["tolerance"])


@torch.inference_mode()
def test_true_inverse_of_localvim(filled: Fill, image: Image, golden: Read) -> None:
    stored = golden("localvim_tiny")
    logits = filled("localvim_tiny", true_inverse=True)(image(2, (2, 3, 224, 192))[:1]).numpy()
    np.testing.assert_allclose(
        logits, stored.array("logits_2_224x192_true_inverse")[:1], **stored.spec["tolerance"]
    )


@pytest.mark.parametrize("key", PLAIN)
@torch.inference_mode()
def test_plain_inner_tensors(key: str, filled: Fill, image: Image, golden: Read) -> None:
    net, stored = filled(key), golden(key)
    assert isinstance(net, PlainClassifier)
    taken: dict[str, Tensor] = {}
    for index, (h_blc, r_blc, _) in enumerate(net.stream(image(0, (2, 3, 224, 224))[:1])):
        taken |= {f"mixer_{index}": h_blc, f"residual_{index}": r_blc}
    # nothing is added before block 0, so what it normalises are the tokens, turned where there is rotation
    taken["tokens"] = taken["residual_0"]
    names = [name for name in stored.arrays if name.endswith("_0_224x224") and "logits" not in name]
    assert len(names) == 5
    for name in names:
        expected = stored.array(name)
        ours = taken[name.removesuffix("_0_224x224")].numpy()
        assert np.abs(ours - expected).max() <= 2e-5 * np.abs(expected).max(), name


@pytest.mark.parametrize("strong", [False, True], ids=["plain", "strong"])
@pytest.mark.parametrize("key", HIERARCHIES)
@torch.inference_mode()
def test_hierarchy(key: str, strong: bool, filled: Fill, image: Image, golden: Read) -> None:
    stored, net = golden(key), filled(key, strong)
    checked = 0
    for entry in stored.spec["inputs"]:
        if (entry["weights"] == "strong") != strong:
            continue
        x = image(entry["seed"], tuple(entry["shape"]))[:1]
        maps = net.features(x)  # type: ignore[operator]
        logits = net.classifier(maps[-1].permute(0, 2, 3, 1))  # type: ignore[operator]
        for name in entry["arrays"]:
            if name.startswith("float64") or "backbone" in name:
                continue
            ours = logits if "logits" in name else maps[int(name[-1])]
            assert gap(ours, stored.array(name)[:1]) <= FLOAT32_SLACK, name
            checked += 1
    assert checked >= 7 if strong else checked >= 6


@pytest.mark.parametrize("key", HIERARCHIES)
@torch.inference_mode()
def test_backbone_maps(key: str, filled: Fill, image: Image, golden: Read) -> None:
    maps = filled(key, True, backbone=True)(image(2, (1, 3, 64, 96)))
    for index, ours in enumerate(maps):
        stored = golden(key).array(f"strong_backbone_2_64x96_out{index}")
        assert gap(ours, stored) <= FLOAT32_SLACK, index
        assert ours.is_contiguous()


@pytest.mark.parametrize("backend", ["reference", "torch"])
@torch.inference_mode()
def test_every_plain_torch_backend(backend: str, filled: Fill, image: Image, golden: Read) -> None:
    net = filled("local_vmamba_tiny", True, scan_backend=backend)
    stored = golden("local_vmamba_tiny").array("strong_logits_2_64x96")
    assert gap(net(image(2, (1, 3, 64, 96))), stored) <= FLOAT32_SLACK


@pytest.mark.parametrize(("dtype", "slack"), [(torch.float32, 1e-4), (torch.float64, 1e-9)], ids=str)
@pytest.mark.parametrize("case", [0, 1, 2])
@torch.inference_mode()
def test_bidirectional_mixer(case: int, dtype: torch.dtype, slack: float, golden: Read) -> None:
    arrays = golden("mamba_mixer").arrays
    prefix = f"case{case}/param/"
    state = {
        name.removeprefix(prefix): torch.from_numpy(arrays[name])
        for name in arrays
        if name.startswith(prefix)
    }
    x = torch.from_numpy(arrays[f"case{case}/input"]).to(dtype)
    for halved, name in ((True, "output"), (False, "output_not_divided")):
        mixer = BidirectionalMixer(x.shape[-1], halved=halved, scan_backend="auto")
        mixer.load_state_dict(state)
        ours = mixer.to(dtype)(x).numpy()
        np.testing.assert_allclose(ours, arrays[f"case{case}/{name}"], atol=slack, rtol=slack)

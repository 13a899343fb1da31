"""Published detectors and segmentors load, in the names and formats that their authors' code writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench import zoo
from bench.catalog import read
from bench.spec.errors import BadWeights
from bench.zoo.checkpoint import read_state_dict
from bench.zoo.fill import fill
from tests.zoo.openmmlab.conftest import Outline
from tests.zoo.published_files import first_names, prefixed, save_vmamba, state_of

State = dict[str, Tensor]
CARDS = read.every_model()


def numbered(state: Mapping[str, Tensor]) -> State:
    """Return entries of the same shapes, each with a value of its own, which take no room in a file."""
    return {
        name: torch.tensor(number, dtype=value.dtype).expand(value.shape)
        for number, (name, value) in enumerate(state.items(), start=1)
    }


def save_as_mmengine(path: Path, state: Mapping[str, Tensor]) -> None:
    """By mmengine itself, with the logs that its hook for checkpoints stores."""
    from mmengine.logging import MessageHub
    from mmengine.runner.checkpoint import save_checkpoint

    hub = MessageHub.get_instance("dense files")
    hub.update_scalars({"train/loss": 0.5, "train/lr": torch.tensor(1e-4)})
    hub.update_info("iter", 12)
    content = {
        "meta": {"epoch": 12, "cfg": "model = dict()", "dataset_meta": {"classes": ("person",)}},
        "state_dict": dict(state),
        "message_hub": hub.state_dict(),
        "optimizer": torch.optim.AdamW(nn.Linear(2, 2).parameters()).state_dict(),
    }
    save_checkpoint(content, str(path))


def swapped(state: Mapping[str, Tensor], *pairs: tuple[str, str]) -> State:
    """Rename entries by patterns, in order."""
    for pattern, replacement in pairs:
        state = {re.sub(pattern, replacement, name): value for name, value in state.items()}
    return dict(state)


@pytest.mark.parametrize("key", ["mask_rcnn-vmamba_tiny_s1l8", "upernet-swin_tiny"])
def test_a_file_of_mmengine_is_loaded_whole(tmp_path: Path, outline: Outline, key: str) -> None:
    state = numbered(outline(key).model.state_dict())
    save_as_mmengine(tmp_path / "epoch_12.pth", state)
    found = zoo.build(key, weights=tmp_path / "epoch_12.pth").state_dict()
    assert set(found) == set(state)
    assert [name for name, value in state.items() if not torch.equal(found[name], value)] == []


def adapted(outline: Outline, key: str, published: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the entries of a file as the model takes them."""
    return outline(key).adapt(published)


def test_the_first_names_of_vmamba_are_read(outline: Outline) -> None:
    key = "mask_rcnn-vmamba_v0_small"
    state = numbered(outline(key).model.state_dict())
    backbone = {name.removeprefix("backbone."): value for name, value in state.items() if "backbone" in name}
    norms = {name: value for name, value in backbone.items() if name.startswith("outnorm")}
    old = {**first_names({name: backbone[name] for name in backbone if name not in norms}), **norms}
    assert "patch_embed.proj.weight" in old
    rest = {name: value for name, value in state.items() if "backbone" not in name}
    found = adapted(outline, key, {**prefixed(old, "backbone."), **rest})
    assert set(found) == set(state)
    assert all(torch.equal(found[name], value) for name, value in state.items())


MMPRETRAIN = (
    (r"backbone\.stem\.(\d)", r"backbone.downsample_layers.0.\1"),
    (r"stages\.(\d)\.downsample\.(\d)", r"downsample_layers.\1.\2"),
    (r"stages\.(\d)\.blocks\.(\d+)", r"stages.\1.\2"),
    (r"conv_dw", "depthwise_conv"),
    (r"mlp\.fc(\d)", r"pointwise_conv\1"),
)
AUTHORS = (*MMPRETRAIN, (r"depthwise_conv", "dwconv"), (r"pointwise_conv", "pwconv"))


@pytest.mark.parametrize("names", [MMPRETRAIN, AUTHORS], ids=["mmpretrain", "authors"])
@pytest.mark.parametrize("key", ["upernet-convnext_base", "mask_rcnn-convnext_tiny"])
def test_both_namings_of_convnext_are_read(
    outline: Outline, key: str, names: tuple[tuple[str, str], ...]
) -> None:
    state = numbered(outline(key).model.state_dict())
    published = swapped(state, *names)
    assert "backbone.downsample_layers.3.1.weight" in published
    assert "backbone.norm3.weight" in published
    found = adapted(outline, key, published)
    assert set(found) == set(state)
    assert all(torch.equal(found[name], value) for name, value in state.items())


def test_the_pyramid_in_the_backbone_of_vim_is_the_neck_here(outline: Outline) -> None:
    key = "upernet-vim_tiny"
    state = numbered(outline(key).model.state_dict())
    published = swapped(state, (r"^neck\.", "backbone."))
    assert "backbone.fpn1.1.running_mean" in published
    found = adapted(outline, key, published)
    assert set(found) == set(state)
    assert all(torch.equal(found[name], value) for name, value in state.items())


def authors_swin(timm_state: Mapping[str, Tensor]) -> State:
    """Rename the entries of timm's Swin as its authors' detectors have them, with what they store besides."""
    state = {name: value for name, value in timm_state.items() if not name.startswith(("head.", "norm."))}
    # timm downsamples at the start of a stage
    for stage in (1, 2, 3):
        state = swapped(state, (rf"layers\.{stage}\.downsample", f"layers.{stage - 1}.downsample"))
    masks = {f"layers.{stage}.blocks.1.attn_mask": torch.zeros(1, 49, 49) for stage in (0, 1, 2)}
    norms = {f"norm{stage}.weight": torch.ones(96 * 2**stage) for stage in range(4)}
    biases = {f"norm{stage}.bias": torch.zeros(96 * 2**stage) for stage in range(4)}
    return {**state, **masks, **norms, **biases}


@torch.inference_mode()
def test_swin_of_its_authors_computes_what_timm_s_does() -> None:
    from mmdet.models import SwinTransformer

    from bench.zoo.openmmlab import names

    torch.manual_seed(0)
    # where a map is as small as a window, timm does not shift it, and Swin's detectors do
    classifier: Any = timm.create_model("swin_tiny_patch4_window7_224", img_size=448).eval()
    net = SwinTransformer()
    net.eval()
    converted = dict(names.swin(authors_swin(classifier.state_dict()), net))
    missing, unexpected = net.load_state_dict(converted, strict=False)
    # a table that follows from the window
    assert {name.rpartition(".")[2] for name in missing} <= {"relative_position_index"}
    assert unexpected == []
    image = torch.randn(1, 3, 448, 448)
    raw = classifier.forward_intermediates(image, intermediates_only=True)
    for found, plain in zip(net(image), raw, strict=True):
        wanted = functional.layer_norm(plain.permute(0, 2, 3, 1), plain.shape[1:2])
        torch.testing.assert_close(found, wanted.permute(0, 3, 1, 2), rtol=1e-3, atol=1e-3)


def said_of(outline: Outline, key: str, state: Mapping[str, Tensor]) -> str:
    with pytest.raises(BadWeights) as caught:
        fill(outline(key), state, CARDS[key], "x.pth")
    return str(caught.value)


def test_what_does_not_fit_is_named(outline: Outline) -> None:
    key = "mask_rcnn-vmamba_tiny_s1l8"
    state = numbered(outline(key).model.state_dict())
    without = {name: value for name, value in state.items() if "outnorm" not in name}
    assert said_of(outline, key, without) == (
        "x.pth and mask_rcnn-vmamba_tiny_s1l8 do not fit: 8 missing "
        "(backbone.outnorm0.weight, backbone.outnorm0.bias, backbone.outnorm1.weight, ...)"
    )
    classes = {
        **state,
        "roi_head.bbox_head.fc_cls.weight": torch.zeros(92, 1024),
        "roi_head.bbox_head.fc_cls.bias": torch.zeros(92),
    }
    assert said_of(outline, key, classes) == (
        "x.pth and mask_rcnn-vmamba_tiny_s1l8 do not fit: 2 of another shape "
        "(roi_head.bbox_head.fc_cls.weight is 92x1024 and not 81x1024, "
        "roi_head.bbox_head.fc_cls.bias is 92 and not 81)"
    )
    segmentor = numbered(outline("upernet-vmamba_tiny_s1l8").model.state_dict())
    said = said_of(outline, key, segmentor)
    assert "missing (neck.lateral_convs.0.conv.weight" in said
    assert "unexpected (decode_head.conv_seg.weight" in said


def test_a_classifier_is_no_detector(tmp_path: Path, outline: Outline) -> None:
    raw = state_of("vmamba_tiny_s1l8")
    save_vmamba(tmp_path / "vssm.pth", raw, None)
    state = read_state_dict(tmp_path / "vssm.pth", (), whole=True)
    said = said_of(outline, "mask_rcnn-vmamba_tiny_s1l8", state)
    assert said.startswith("x.pth is a checkpoint of vmamba_tiny_s1l8, not of mask_rcnn-vmamba_tiny_s1l8: ")

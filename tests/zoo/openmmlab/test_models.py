"""Detectors and segmentors are those of OpenMMLab, on the backbones of the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import Tensor
from torch.nn import functional

from bench import zoo
from bench.catalog import read
from bench.nets.build import build_net
from bench.spec.errors import UnknownName, Unsupported, UserError
from tests.zoo.openmmlab.conftest import Outline, entries

EVERY = {key: card for key, card in read.every_model().items() if card.kind != "classification"}
DENSE = {key: card for key, card in EVERY.items() if card.head == "published"}
IMAGE = (64, 96)


def test_every_pair_of_the_publications_has_a_card() -> None:
    mambaout, swin, convnext = (
        [f"{family}_{size}" for size in ("tiny", "small", "base")]
        for family in ("mambaout", "swin", "convnext")
    )
    vmamba = [key for key in read.models() if key.startswith("vmamba_")]
    assert len(vmamba) == 9
    local = ["local_vmamba_tiny", "local_vmamba_small"]
    both = {*mambaout, *swin, *convnext, *vmamba, *local, "resnet50"}
    plain = {"vim_tiny", "vim_small", "localvim_tiny", "localvim_small"}
    assert set(DENSE) == {
        *(f"mask_rcnn-{key}" for key in both),
        *(f"upernet-{key}" for key in both | plain),
    }


def test_a_card_follows_from_its_backbone() -> None:
    card, backbone = DENSE["mask_rcnn-vmamba_tiny_s1l8"], read.models()["vmamba_tiny_s1l8"]
    assert (card.source, card.ref, card.kind) == ("mask_rcnn", backbone.key, "detection")
    assert (card.label, card.family) == ("Mask R-CNN, VMamba-T[s1l8]", "VMamba")
    assert (card.height_px, card.width_px, card.any_size) == (800, 1280, True)
    assert card.options == backbone.options
    assert (card.weights_url or "").endswith("%23v2det/mask_rcnn_vssm_fpn_coco_tiny_s_epoch_12.pth")
    assert DENSE["upernet-vim_tiny"].no_weights == "no address of a file is known here"
    assert DENSE["mask_rcnn-swin_base"].no_weights == (
        "its authors list Cascade Mask R-CNN on this backbone, but no Mask R-CNN"
    )
    for card in DENSE.values():
        assert (card.weights_url is None) == (card.no_weights is not None)


def test_the_classes_are_those_of_openmmlab(outline: Outline) -> None:
    from mmdet.models import FPN, MaskRCNN, ResNet, SwinTransformer
    from mmseg.models import EncoderDecoder, ResNetV1c, UPerHead
    from mmseg.models import SwinTransformer as SegmentorSwin

    detector: Any = outline("mask_rcnn-swin_tiny").model
    assert type(detector) is MaskRCNN
    assert (type(detector.backbone), type(detector.neck)) == (SwinTransformer, FPN)
    segmentor: Any = outline("upernet-swin_tiny").model
    assert type(segmentor) is EncoderDecoder
    assert (type(segmentor.backbone), type(segmentor.decode_head)) == (SegmentorSwin, UPerHead)
    # in either order: the scope of the one must not stay for the other
    assert type(outline("mask_rcnn-resnet50").model.backbone) is ResNet
    assert type(outline("upernet-resnet50").model.backbone) is ResNetV1c


@pytest.mark.parametrize(
    "key",
    [
        *("mask_rcnn-vmamba_tiny_s1l8", "upernet-vmamba_v0_base", "mask_rcnn-local_vmamba_small"),
        *("upernet-vim_tiny", "upernet-vim_small", "upernet-localvim_small"),
    ],
)
def test_backbones_of_ours_are_those_of_nets(key: str, outline: Outline) -> None:
    card = DENSE[key]
    with torch.device("meta"):
        alone = build_net(card.ref, (card.height_px, card.width_px), backbone=True)
    net = outline(key).model.get_submodule("backbone")
    assert type(net) is type(alone)
    assert entries(net) == entries(alone)


@pytest.mark.parametrize(("key", "norm"), [("mambaout_tiny", "outnorm"), ("convnext_base", "norm")])
def test_backbones_of_timm_are_the_classifier_without_head_and_with_norms(
    key: str, norm: str, outline: Outline
) -> None:
    with torch.device("meta"):
        classifier = timm.create_model(read.models()[key].ref)
    shared = {name: size for name, size in entries(classifier).items() if not name.startswith("head.")}
    widths = [info["num_chs"] for info in classifier.feature_info]
    norms = {
        f"{norm}{stage}.{part}": torch.Size([width])
        for stage, width in enumerate(widths)
        for part in ("weight", "bias")
    }
    for method in ("mask_rcnn", "upernet"):
        assert entries(outline(f"{method}-{key}").model, "backbone.") == {**shared, **norms}


@pytest.mark.parametrize(
    ("key", "norm", "eps"), [("mambaout_tiny", "outnorm", 1e-6), ("convnext_tiny", "norm", 1e-6)]
)
@torch.inference_mode()
def test_maps_of_timm_s_networks_are_normalised_and_else_the_classifier_s(
    key: str, norm: str, eps: float
) -> None:
    from bench.zoo.openmmlab import backbones

    classifier = timm.create_model(read.models()[key].ref).eval()
    net = backbones.build(key, IMAGE).eval()
    state = {name: value for name, value in classifier.state_dict().items() if not name.startswith("head.")}
    assert not net.load_state_dict(state, strict=False).unexpected_keys
    image = torch.randn(1, 3, *IMAGE, generator=torch.Generator().manual_seed(0))
    raw = classifier.forward_intermediates(image, intermediates_only=True)
    for stage in range(4):
        layer: Any = net.get_submodule(f"{norm}{stage}")
        assert layer.eps == eps
        # so that a norm that the trunk goes on from would be noticed
        layer.weight.copy_(torch.linspace(0.5, 2, len(layer.weight)))
        wanted = functional.layer_norm(
            raw[stage].permute(0, 2, 3, 1), layer.weight.shape, layer.weight, eps=eps
        )
        torch.testing.assert_close(net(image)[stage], wanted.permute(0, 3, 1, 2), rtol=1e-5, atol=1e-5)


def plain_data(value: object) -> object:
    """Return a configuration with lists for tuples, as one may stand for the other."""
    if isinstance(value, dict):
        return {name: plain_data(each) for name, each in value.items()}
    return [plain_data(each) for each in value] if isinstance(value, list | tuple) else value


def published(package: Any, path: str) -> dict[str, Any]:
    """Return the model of a configuration that comes with mmdet or mmsegmentation."""
    from mmengine.config import Config

    file = Path(package.__file__).parent / ".mim" / "configs" / path
    # ConvNeXt's would import mmpretrain
    found = plain_data(Config.fromfile(str(file), import_custom_modules=False).model.to_dict())
    assert isinstance(found, dict)
    return found


def ours(key: str) -> dict[str, Any]:
    from bench.zoo.openmmlab import backbones, source

    card = DENSE[key]
    found = plain_data(source.config_of(card, backbones.describe(card, IMAGE, {})))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("mask_rcnn-swin_tiny", "swin/mask-rcnn_swin-t-p4-w7_fpn_1x_coco.py"),
        ("mask_rcnn-swin_small", "swin/mask-rcnn_swin-s-p4-w7_fpn_amp-ms-crop-3x_coco.py"),
        ("mask_rcnn-resnet50", "mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py"),
        ("mask_rcnn-convnext_tiny", "convnext/mask-rcnn_convnext-t-p4-w7_fpn_amp-ms-crop-3x_coco.py"),
    ],
)
def test_the_detector_is_configured_as_mmdet_configures_it(key: str, path: str) -> None:
    import mmdet

    found, wanted = ours(key), published(mmdet, path)
    trunk, published_trunk = found.pop("backbone"), wanted.pop("backbone")
    assert found == wanted
    if "convnext" not in key:
        assert trunk == {name: published_trunk[name] for name in trunk}


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("upernet-swin_tiny", "swin/swin-tiny-patch4-window7-in1k-pre_upernet_8xb2-160k_ade20k-512x512.py"),
        ("upernet-swin_base", "swin/swin-base-patch4-window7-in1k-pre_upernet_8xb2-160k_ade20k-512x512.py"),
        ("upernet-resnet50", "upernet/upernet_r50_4xb4-160k_ade20k-512x512.py"),
    ],
)
def test_the_segmentor_is_configured_as_mmsegmentation_configures_it(key: str, path: str) -> None:
    import mmseg

    found, wanted = ours(key), published(mmseg, path)
    trunk, published_trunk = found.pop("backbone"), wanted.pop("backbone")
    assert wanted.pop("pretrained") in {None, "open-mmlab://resnet50_v1c"}
    assert found.pop("neck") is None
    for head in ("decode_head", "auxiliary_head"):
        # the same entries and, in evaluation, the same function
        assert wanted[head]["norm_cfg"].pop("type") == "SyncBN"
        assert found[head]["norm_cfg"].pop("type") == "BN"
    assert found == wanted
    for name in set(trunk) - {"norm_cfg", "window_size"}:
        assert trunk[name] == published_trunk[name]


def data_samples(image: Tensor) -> list[Any]:
    from mmdet.structures import DetDataSample

    size = tuple(image.shape[2:])
    meta = {"img_shape": size, "ori_shape": size, "pad_shape": size, "scale_factor": (1.0, 1.0)}
    return [DetDataSample(metainfo={**meta, "batch_input_shape": size})]


@pytest.mark.parametrize("key", ["mask_rcnn-mambaout_tiny", "mask_rcnn-swin_tiny"])
@torch.inference_mode()
def test_a_detector_detects(key: str) -> None:
    model: Any = zoo.build(key)
    assert not any(module.training for module in model.modules())
    image = torch.randn(1, 3, 70, 90, generator=torch.Generator().manual_seed(0))
    # with initial weights no score is as high as the usual limit
    model.test_cfg.rcnn.score_thr = model.roi_head.test_cfg.score_thr = 0.0
    (result,) = model(image, data_samples(image), mode="predict")
    found = result.pred_instances
    assert found.bboxes.shape == (100, 4)
    assert found.masks.shape == (100, 70, 90)
    assert found.labels.max() < 80
    assert found.bboxes.isfinite().all()
    assert (found.bboxes[:, 0::2] <= 90).all()
    assert (found.scores.diff() <= 0).all()


@pytest.mark.parametrize(
    "key", ["upernet-convnext_tiny", "upernet-vim_tiny", "upernet-localvim_tiny", "upernet-resnet50"]
)
@torch.inference_mode()
def test_a_segmentor_gives_a_class_to_every_pixel(key: str) -> None:
    model: Any = zoo.build(key, image_size=IMAGE)
    assert not any(module.training for module in model.modules())
    image = torch.randn(1, 3, *IMAGE, generator=torch.Generator().manual_seed(0))
    size = {
        "img_shape": IMAGE,
        "ori_shape": IMAGE,
        "pad_shape": IMAGE,
        "padding_size": [0] * 4,
        "flip": False,
    }
    scores = model.whole_inference(image, [size])
    assert scores.shape == (1, 150, *IMAGE)
    assert scores.isfinite().all()
    maps = model.extract_feat(image)
    # LocalVim's have one stride
    strides = (16,) * 4 if "localvim" in key else (4, 8, 16, 32)
    assert [tuple(each.shape[2:]) for each in maps] == [(IMAGE[0] // s, IMAGE[1] // s) for s in strides]


def test_initial_weights_are_the_same_at_every_call() -> None:
    first, second = (zoo.build("upernet-localvim_tiny").state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_choices_of_the_backbone_are_those_of_the_segmentor(outline: Outline) -> None:
    model: Any = zoo.build("upernet-localvim_tiny", scan_backend="reference", true_inverse=True)
    mixer = model.backbone.layers[0].mixer
    assert (mixer.scan_backend, mixer.true_inverse) == ("reference", True)
    assert outline("upernet-localvim_tiny").model.backbone.layers[0].mixer.true_inverse is False
    with pytest.raises(UserError, match="mask_rcnn-swin_tiny does not have the choice scan_backend"):
        zoo.build("mask_rcnn-swin_tiny", scan_backend="torch")


def test_wrong_names_and_sizes_are_refused() -> None:
    with pytest.raises(UnknownName, match="did you mean 'mask_rcnn-mambaout_tiny'"):
        zoo.build("mask_rcnn-mambaout_tinny")
    with pytest.raises(Unsupported, match="at least 32 px, not 16x64; the nearest size is 32x64"):
        zoo.build("upernet-mambaout_tiny", image_size=(16, 64))
    with pytest.raises(Unsupported, match=r"multiples of 16 px .* not 100x64; the nearest size is 96x64"):
        zoo.build("upernet-vim_tiny", image_size=(100, 64))

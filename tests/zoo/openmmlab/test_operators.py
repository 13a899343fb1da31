"""mmcv's operators as torchvision serves them, through mmcv's own Python half, against torchvision's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor

from bench.spec.errors import Unsupported
from bench.zoo.openmmlab import operators

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
SIZE = (24, 40)
BOXES = {
    "random": [[0, 1.3, 2.2, 9.9, 17.4], [1, 4.0, 0.5, 30.0, 20.1], [0, 7.7, 7.7, 8.1, 8.2]],
    "whole image": [[0, 0, 0, 40, 24], [1, 0, 0, 40, 24]],
    "none": [],
    "without area": [[0, 5, 5, 5, 5], [1, 3, 2, 3, 9]],
    "partly outside": [[0, -12, -8, 10, 6], [1, 30, 20, 61, 44]],
    "wholly outside": [[0, 100, 100, 140, 150], [1, -50, -60, -20, -10]],
    "many": None,
}


def boxes_of(name: str, dtype: torch.dtype, device: str) -> Tensor:
    listed = BOXES[name]
    if listed is not None:
        return torch.tensor(listed, dtype=dtype, device=device).reshape(-1, 5)
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(60, 2, generator=generator) * 40 - 5
    size = torch.rand(60, 2, generator=generator) * 30
    image = torch.randint(0, 2, (60, 1), generator=generator)
    return torch.cat((image, corner, corner + size), dim=1).to(device, dtype)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", BOXES)
@pytest.mark.parametrize(("scale", "samples", "aligned"), [(1.0, 0, True), (0.25, 2, True), (0.5, 0, False)])
def test_roi_align_and_its_gradient_are_torchvision_s(
    name: str, scale: float, samples: int, aligned: bool, device: str
) -> None:
    from mmcv.ops import RoIAlign

    images = torch.randn(2, 3, *SIZE, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    ours, theirs = (images.to(device).requires_grad_() for _ in range(2))
    rois = boxes_of(name, torch.float64, device)
    layer = RoIAlign((7, 5), spatial_scale=scale, sampling_ratio=samples, aligned=aligned)
    found = layer(ours, rois)
    wanted = torchvision.ops.roi_align(theirs, rois, (7, 5), scale, samples, aligned)
    assert found.shape == (len(rois), 3, 7, 5)
    assert torch.equal(found, wanted)
    weights = torch.randn(found.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    (found * weights.to(device)).sum().backward()
    (wanted * weights.to(device)).sum().backward()
    assert ours.grad is not None
    assert theirs.grad is not None
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-12, atol=1e-12)


def test_the_gradient_of_roi_align_is_that_of_its_values() -> None:
    from mmcv.ops import roi_align

    images = torch.randn(1, 2, 6, 7, dtype=torch.float64, requires_grad=True)
    rois = torch.tensor([[0, 0.7, 0.6, 5.1, 4.3]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: roi_align(x, rois, (2, 3), 1.0, 2, "avg", True), (images,))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    from mmcv.ops import roi_align

    images = torch.randn(2, 3, *SIZE).to(dtype).requires_grad_()
    rois = boxes_of("many", dtype, "cpu")
    found = roi_align(images, rois, (7, 7), 0.5, 0, "avg", True)
    wanted = torchvision.ops.roi_align(images.detach().float(), rois.float(), (7, 7), 0.5, 0, True)
    assert found.dtype == dtype
    assert torch.equal(found, wanted.to(dtype))
    found.float().sum().backward()
    assert images.grad is not None
    assert images.grad.dtype == dtype


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("count", [1, 2, 300])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.7, 1.0])
def test_batched_nms_keeps_what_torchvision_keeps(count: int, threshold: float, device: str) -> None:
    from mmcv.ops import batched_nms

    generator = torch.Generator().manual_seed(count)
    corner = torch.rand(count, 2, generator=generator) * 200
    boxes = torch.cat((corner, corner + torch.rand(count, 2, generator=generator) * 80), dim=1).to(device)
    scores = torch.rand(count, generator=generator).to(device)
    classes = torch.randint(0, 4, (count,), generator=generator).to(device)
    settings = {"type": "nms", "iou_threshold": threshold}
    kept_boxes, kept = batched_nms(boxes, scores, classes, settings)
    wanted = torchvision.ops.batched_nms(boxes, scores, classes, threshold)
    assert kept.tolist() == wanted.tolist()
    assert torch.equal(kept_boxes, torch.cat((boxes[wanted], scores[wanted, None]), dim=1))
    alone = torchvision.ops.nms(boxes, scores, threshold)
    regardless = {"type": "nms", "iou_threshold": threshold, "class_agnostic": True}
    assert batched_nms(boxes, scores, classes, regardless)[1].tolist() == alone.tolist()


def test_no_boxes_leave_none() -> None:
    from mmcv.ops import nms

    # the heads never ask for classes of none
    boxes, kept = nms(torch.zeros(0, 4), torch.zeros(0), 0.5)
    assert boxes.shape == (0, 5)
    assert kept.tolist() == []


def test_boxes_apart_in_class_never_suppress_each_other() -> None:
    from mmcv.ops import batched_nms

    boxes = torch.tensor([[0.0, 0, 10, 10]] * 3)
    scores, classes = torch.tensor([0.9, 0.8, 0.7]), torch.tensor([0, 1, 0])
    assert batched_nms(boxes, scores, classes, {"type": "nms", "iou_threshold": 0.5})[1].tolist() == [0, 1]


def test_any_other_operator_is_refused_by_name() -> None:
    from mmcv.ops import RoIAlign, nms, soft_nms

    boxes, scores = torch.tensor([[0.0, 0, 4, 4]]), torch.tensor([1.0])
    with pytest.raises(Unsupported, match=r"operator softnms is not among those .* compiled operators"):
        soft_nms(boxes, scores)
    with pytest.raises(Unsupported, match="operator nms with offset 1"):
        nms(boxes, scores, 0.5, offset=1)
    with pytest.raises(Unsupported, match="operator roi_align with max pooling"):
        RoIAlign(2, pool_mode="max")(torch.ones(1, 1, 4, 4), torch.tensor([[0.0, 0, 0, 4, 4]]))
    with pytest.raises(Unsupported, match="operator deform_conv_forward"):
        operators.StandIn().deform_conv_forward()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("def nms(): ...", "compiled mmcv"),
        ("raise ImportError('undefined symbol')", "torchvision"),
    ],
)
def test_a_compiled_mmcv_is_used_where_it_can_be_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, said: str
) -> None:
    folder = tmp_path / "another_mmcv"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "_ext.py").write_text(content + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(operators, "NAME", "another_mmcv._ext")
    monkeypatch.setattr(operators, "compiled_operators", lambda: folder / "_ext.py")
    for name in ("another_mmcv", "another_mmcv._ext"):
        # whatever it is replaced by goes away with this test
        monkeypatch.setitem(sys.modules, name, None)
        del sys.modules[name]
    assert [operators.install(), operators.install()] == [said, said]
    assert isinstance(sys.modules["another_mmcv._ext"], operators.StandIn) == (said == "torchvision")

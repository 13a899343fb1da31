"""Detectors and segmentors on a GPU against the same on a CPU; run with `-m gpu`."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench import zoo
from bench.catalog import read
from bench.machine.identity import resolve_device
from bench.metrics.confusion import unpack
from bench.nets.build import Options, build_config
from bench.nets.hierarchy import HierarchyConfig
from bench.nets.vmamba import VMAMBA
from bench.probes import switches
from bench.run.recipe import Recipe
from bench.sets.quickstart import make_ade20k, make_coco
from bench.spec.card import TaskCard
from bench.spec.cell import Cell
from bench.spec.job import Job
from bench.spec.protocol import TimingWindows, WarmupConvergence
from bench.spec.record import Measured
from bench.tasks.dense import backbone, fps, memory
from bench.tasks.dense.passes import DetectorPasses, Passes, Seen, SegmentorPasses
from bench.tasks.speed.check import relative_error, relative_errors
from tests.tasks.dense.conftest import CLASSES, learn, small_task, start_openmmlab
from tests.tasks.dense.small import DETECTOR, SEGMENTOR, small_detector, small_segmentor

pytestmark = pytest.mark.gpu
DEVICE = torch.device("cuda:0")
AMP = {"fp32": None, "amp_fp16": torch.float16, "amp_bf16": torch.bfloat16}
# of every output by itself
BOUNDS = {"fp32": 1e-4, "amp_fp16": 2e-2, "amp_bf16": 1e-1}
QUICK = {
    "warmup": WarmupConvergence(min_s=0.05, max_s=0.2),
    "timing": TimingWindows(min_windows=4, max_windows=5, window_s=0.03, target_spread=0.05, max_s=1.0),
}


@pytest.fixture(scope="module", autouse=True)
def _openmmlab() -> None:
    start_openmmlab()


@pytest.fixture(autouse=True)
def _plain_fp32() -> Iterator[None]:
    cudnn = torch.backends.cudnn
    before = torch.backends.cuda.matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic
    switches.apply(read.protocols()["house"], "fp32")
    cudnn.benchmark = False
    yield
    torch.backends.cuda.matmul.allow_tf32 = before[0]
    cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic = before[1:]


def job_of(key: str, task: TaskCard, measure: str, size: tuple[int, int], device: str, **fields: Any) -> Job:
    """Return a job with random weights and a protocol of a fraction of a second."""
    data_dir = fields.pop("data_dir", Path("data"))
    values = {
        "checkpoint": key,
        "task": task.key,
        "task_digest": task.content_digest,
        "height_px": size[0],
        "width_px": size[1],
        "precision": "fp32",
        "measure": measure,
        "device": device,
        "protocol": "house",
        "protocol_digest": "",
        "weights": "random",
    }
    tasks = {**read.tasks(), task.key: task}
    recipe = Recipe(read.every_model(), tasks, read.protocols(), data_dir, resolve_device(device), limit_s=60)
    job = recipe.job(Cell.model_validate(values | fields))
    return job.model_copy(update={"protocol": job.protocol.model_copy(update=QUICK), "loader_workers": 0})


class TestOperators:
    """mmcv's operators, whoever serves them."""

    @pytest.mark.parametrize("count", [0, 1, 2, 500])
    def test_nms_keeps_the_same(self, count: int) -> None:
        from mmcv.ops import batched_nms, nms

        boxes, scores, classes = boxes_of(count)
        found, kept = nms(boxes.to(DEVICE), scores.to(DEVICE), 0.5)
        wanted, kept_by_cpu = nms(boxes, scores, 0.5)
        assert kept.tolist() == kept_by_cpu.tolist()
        assert torch.equal(found.cpu(), wanted)
        if count == 0:
            return
        settings = {"type": "nms", "iou_threshold": 0.5}
        given = (each.to(DEVICE) for each in (boxes, scores, classes))
        found, kept = batched_nms(*given, settings)
        wanted, kept_by_cpu = batched_nms(boxes, scores, classes, settings)
        assert kept.tolist() == kept_by_cpu.tolist()
        assert torch.equal(found.cpu(), wanted)

    def test_nms_of_more_boxes_than_are_compared_at_once(self) -> None:
        """Beyond `split_thr` boxes one class after the other is looked at."""
        from mmcv.ops import batched_nms

        boxes, scores, classes = boxes_of(500)
        settings = {"type": "nms", "iou_threshold": 0.5, "split_thr": 100}
        given = (each.to(DEVICE) for each in (boxes, scores, classes))
        assert batched_nms(*given, dict(settings))[1].tolist() == (
            batched_nms(boxes, scores, classes, dict(settings))[1].tolist()
        )

    @pytest.mark.parametrize("count", [0, 1, 200])
    @pytest.mark.parametrize("sampling", [0, 2])
    def test_roi_align_and_its_gradient(self, count: int, sampling: int) -> None:
        from mmcv.ops import RoIAlign

        generator = torch.Generator().manual_seed(1)
        maps = torch.randn(2, 8, 40, 56, dtype=torch.float64, generator=generator)
        # some of them reach out of the image
        boxes, _, _ = boxes_of(count)
        image = torch.randint(0, 2, (count, 1), generator=generator)
        rois = torch.cat((image, boxes * 2 - 20), dim=1).double()
        layer = RoIAlign((7, 7), spatial_scale=0.25, sampling_ratio=sampling)
        ours, theirs = (maps.clone().to(device).requires_grad_() for device in (DEVICE, "cpu"))
        found, wanted = layer(ours, rois.to(DEVICE)), layer(theirs, rois)
        torch.testing.assert_close(found.cpu(), wanted, rtol=1e-10, atol=1e-10)
        weights = torch.randn(wanted.shape, dtype=torch.float64, generator=generator)
        (found * weights.to(DEVICE)).sum().backward()
        (wanted * weights).sum().backward()
        assert ours.grad is not None
        assert theirs.grad is not None
        torch.testing.assert_close(ours.grad.cpu(), theirs.grad, rtol=1e-10, atol=1e-10)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_roi_align_of_half_precision_is_close(self, dtype: torch.dtype) -> None:
        from mmcv.ops import RoIAlign

        maps = torch.randn(1, 8, 40, 56, generator=torch.Generator().manual_seed(1))
        boxes, _, _ = boxes_of(50)
        rois = torch.cat((torch.zeros(50, 1), boxes), dim=1)
        layer = RoIAlign((7, 7), spatial_scale=0.25, sampling_ratio=0)
        found = layer(maps.to(DEVICE, dtype), rois.to(DEVICE, dtype))
        assert found.dtype == dtype
        wanted = layer(maps.to(dtype).float(), rois.to(dtype).float())
        assert relative_error(found.float().cpu(), wanted) < torch.finfo(dtype).eps


def boxes_of(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return boxes (n, 4) in an image of 200 px, scores that all differ, and one of four classes each."""
    generator = torch.Generator().manual_seed(count)
    corner = torch.rand(count, 2, generator=generator) * 150
    boxes = torch.cat((corner, corner + 5 + torch.rand(count, 2, generator=generator) * 60), dim=1)
    scores = torch.randperm(count, generator=generator).float() / max(1, count)
    return boxes, scores, torch.randint(0, 4, (count,), generator=generator)


MODELS = [
    ("mask_rcnn-vmamba_tiny_s1l8", (128, 192)),
    ("upernet-swin_tiny", (96, 160)),
]


@pytest.mark.parametrize(("key", "size"), MODELS, ids=[key for key, _ in MODELS])
def test_every_precision_is_close_to_a_cpu(key: str, size: tuple[int, int]) -> None:
    model = zoo.build(key, image_size=size)
    image = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    passes = passes_of(model)
    with torch.inference_mode():
        if isinstance(passes, DetectorPasses):
            passes.fill(image)
        seen, predicted = passes.look(image), passes.whole(image)
        expected = passes.network(image, seen)
    on_gpu = passes_of(model.to(DEVICE))
    there = Seen(tuple(each.to(DEVICE) for each in seen.inputs), seen.counts)
    for precision, dtype in AMP.items():
        with torch.inference_mode(), torch.autocast("cuda", dtype, enabled=dtype is not None):
            found = on_gpu.network(image.to(DEVICE), there)
        errors = relative_errors({name: each.cpu() for name, each in found.items()}, expected)
        assert max(errors.values()) < BOUNDS[precision], (precision, errors)
    with torch.inference_mode():
        again = on_gpu.whole(image.to(DEVICE))
    if isinstance(passes, DetectorPasses):
        assert matched(predicted.pred_instances, again.pred_instances) > 0.9
    else:
        same = predicted.pred_sem_seg.data == again.pred_sem_seg.data.cpu()
        assert same.float().mean() > 0.995


def test_half_precision_chooses_another_map_for_large_regions() -> None:
    """Areas are computed in the format of the maps by mmdet: 300 x 300 px are infinite in half precision."""
    size = (416, 480)
    model = zoo.build("mask_rcnn-resnet50", image_size=size).to(DEVICE)
    passes, image = DetectorPasses(model), torch.randn(1, 3, *size, device=DEVICE)
    regions = torch.tensor([[0.0, 40.0, 60.0, 340.0, 360.0]], device=DEVICE)
    seen = Seen((regions, regions))
    with torch.inference_mode():
        with torch.autocast("cuda", torch.float16):
            found = passes.network(image, seen)
        exact, expected = passes.network(image, seen), passes.expected(image, seen, torch.float16)
    chosen, other = relative_errors(found, expected), relative_errors(found, exact)
    for name in ("class_scores", "box_offsets", "masks"):
        assert chosen[name] < BOUNDS["amp_fp16"], name
        assert other[name] > 0.1, name


def passes_of(model: nn.Module) -> Passes:
    return DetectorPasses(model) if hasattr(model, "rpn_head") else SegmentorPasses(model)


def matched(wanted: Any, found: Any) -> float:
    """Return the share of detections that are there again: class, score, box within 0.1 px, and mask."""
    hits = 0
    masks = found.masks.cpu()
    for box, label, score, mask in zip(
        wanted.bboxes, wanted.labels, wanted.scores, wanted.masks, strict=True
    ):
        near = (found.bboxes.cpu() - box).abs().amax(dim=1) < 0.1
        same = near & (found.labels.cpu() == label) & ((found.scores.cpu() - score).abs() < 1e-4)
        hits += any(float((masks[at] != mask).float().mean()) < 0.01 for at in same.nonzero().flatten())
    return hits / len(wanted.labels)


@pytest.fixture(scope="module")
def ade(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, nn.Module]:
    data = tmp_path_factory.mktemp("data")
    make_ade20k(data / "ADEChallengeData2016", images=6, classes=CLASSES, seed=1)
    return data, taught_segmentor(data / "ADEChallengeData2016")


class TestAccuracy:
    """Small sets in the formats of COCO and ADE20K, and small networks that have learnt them a little."""

    def test_of_a_detector(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from bench.tasks.detection import accuracy

        make_coco(tmp_path / "coco", images=6, classes=CLASSES, seed=1)
        task = small_task("coco", 6, {"at": (128, 192), "scale": (192, 128)})
        model = taught_detector(tmp_path / "coco")
        answers(monkeypatch, model)
        here, there = (
            accuracy.measure(
                job_of(DETECTOR, task, "accuracy", (128, 192), device, data_dir=tmp_path)
            ).measured
            for device in ("cpu", "cuda")
        )
        assert here.values["box_ap_percent"] > 10
        for name in ("box_ap_percent", "mask_ap_percent", "box_ap50_percent", "mask_ap50_percent"):
            # one box of the few that crosses one of the ten thresholds is worth half a point
            assert there.values[name] == pytest.approx(here.values[name], abs=1.0), name

    # several scales make mmengine say that it adds a dimension
    @pytest.mark.filterwarnings("ignore:The shape of value will convert")
    @pytest.mark.parametrize("scales", ["single", "multi"])
    def test_of_a_segmentor(
        self, ade: tuple[Path, nn.Module], monkeypatch: pytest.MonkeyPatch, scales: str
    ) -> None:
        from bench.tasks.segmentation import accuracy

        data_dir, model = ade
        answers(monkeypatch, model)
        task = small_task("ade20k", 6, {"at": (96, 160), "scale": (160, 96)})
        fields = {"data_dir": data_dir, "scales": scales}
        here, there = (
            accuracy.measure(job_of(SEGMENTOR, task, "accuracy", (96, 160), device, **fields)).measured
            for device in ("cpu", "cuda")
        )
        assert here.values["macc_percent" if scales == "single" else "macc_ms_percent"] > 30
        counts, counts_there = (unpack(found.details["confusion"]) for found in (here, there))
        assert counts.sum() == counts_there.sum()
        # pixels on an edge between two classes may go either way
        assert abs(counts - counts_there).sum() / 2 < 1e-3 * counts.sum()
        assert there.values == pytest.approx(here.values, abs=0.2)


def answers(monkeypatch: pytest.MonkeyPatch, model: nn.Module) -> None:
    """Let every card be built as a copy of this network."""
    model = model.cpu().eval()
    monkeypatch.setattr(zoo, "load", lambda *_, **__: zoo.Loaded(copy.deepcopy(model), None))


def taught_detector(root: Path) -> nn.Module:
    from mmdet.datasets import CocoDataset
    from mmengine.dataset import pseudo_collate
    from mmengine.registry import DefaultScope

    from bench.zoo.openmmlab import source, stack

    torch.manual_seed(0)
    model = source.build(read.every_model()[DETECTOR], small_detector((128, 192))).to(DEVICE)
    with DefaultScope.overwrite_default_scope("mmdet"):
        images = CocoDataset(
            data_root=str(root),
            ann_file="annotations/instances_val2017.json",
            data_prefix={"img": "val2017"},
            filter_cfg={"filter_empty_gt": True},
            pipeline=[
                {"type": "LoadImageFromFile"},
                {"type": "LoadAnnotations", "with_bbox": True, "with_mask": True},
                {"type": "Resize", "scale": (192, 128), "keep_ratio": True},
                {"type": "PackDetInputs"},
            ],
        )
        # pycocotools does not know the latest numpy
        with stack.quiet():
            batches = [pseudo_collate([images[number]]) for number in range(len(images))]
        learn(model, batches, 200, rate=3e-3)
    return model


def taught_segmentor(root: Path) -> nn.Module:
    from mmengine.dataset import pseudo_collate
    from mmengine.registry import DefaultScope
    from mmseg.datasets import ADE20KDataset

    from bench.zoo.openmmlab import source

    torch.manual_seed(0)
    model = source.build(read.every_model()[SEGMENTOR], small_segmentor((96, 160))).to(DEVICE)
    with DefaultScope.overwrite_default_scope("mmseg"):
        images = ADE20KDataset(
            data_root=str(root),
            data_prefix={"img_path": "images/validation", "seg_map_path": "annotations/validation"},
            pipeline=[
                {"type": "LoadImageFromFile"},
                {"type": "LoadAnnotations"},
                {"type": "Resize", "scale": (96, 96)},
                {"type": "PackSegInputs"},
            ],
        )
    preprocessor: Any = model.get_submodule("data_preprocessor")
    preprocessor.size = (96, 96)
    batches = [pseudo_collate([images[number] for number in range(first, first + 3)]) for first in (0, 3)]
    learn(model, batches, 120, rate=6e-3)
    return model


@pytest.fixture(scope="module")
def models() -> dict[str, nn.Module]:
    from bench.zoo.openmmlab import source

    torch.manual_seed(0)
    configs = {DETECTOR: small_detector((128, 192)), SEGMENTOR: small_segmentor((128, 192))}
    return {key: source.build(read.every_model()[key], config) for key, config in configs.items()}


class TestSpeed:
    """Each measure gives finite figures above zero; small networks, as the GPU must not wait for long."""

    @pytest.fixture(autouse=True)
    def _built(self, models: dict[str, nn.Module], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            zoo, "load", lambda card, **_: zoo.Loaded(copy.deepcopy(models[card.key]).eval(), None)
        )

    @pytest.mark.parametrize("precision", ["fp32", "amp_fp16", "amp_bf16"])
    @pytest.mark.parametrize("key", [DETECTOR, SEGMENTOR])
    def test_fps(self, key: str, precision: str) -> None:
        measured = fps.measure(speed_job(key, "fps", precision=precision)).measured
        figures_are_positive(measured, "fps_img_s", "fps_network_img_s", "fps_step_s", "fps_network_step_s")
        assert "output_mismatch" not in measured.flags
        assert measured.details["timer"] == measured.details["network_timer"] == "cuda_events"
        assert len(measured.samples["window_lead_s"]) == len(measured.samples["fps_step_s"])
        assert len(measured.samples["network_window_lead_s"]) == len(measured.samples["fps_network_step_s"])
        if key == DETECTOR:
            assert measured.values["detections"] > 50

    @pytest.mark.parametrize("precision", ["fp32", "amp_fp16", "amp_bf16", "bf16"])
    @pytest.mark.parametrize("key", [DETECTOR, SEGMENTOR])
    def test_the_backbone_alone(self, key: str, precision: str) -> None:
        job = speed_job(key, "backbone_throughput", precision=precision, batch=4)
        measured = backbone.measure(job).measured
        figures_are_positive(measured, "backbone_img_s", "backbone_step_s")
        assert measured.values["batch_images"] == 4
        assert "output_mismatch" not in measured.flags

    @pytest.mark.parametrize("precision", ["fp32", "amp_fp16", "amp_bf16"])
    @pytest.mark.parametrize("key", [DETECTOR, SEGMENTOR])
    def test_memory(self, key: str, precision: str) -> None:
        measured = memory.measure(speed_job(key, "memory", precision=precision)).measured
        peaks = ("peak_allocated_bytes", "peak_network_allocated_bytes", "peak_reserved_bytes")
        figures_are_positive(measured, *peaks, "warmup_peak_allocated_bytes", "weights_bytes")
        values = measured.values
        assert values["weights_bytes"] < values["peak_network_allocated_bytes"]
        assert values["peak_network_allocated_bytes"] <= values["peak_allocated_bytes"]
        assert values["peak_allocated_bytes"] <= values["peak_reserved_bytes"]

    def test_the_largest_batch_of_a_backbone_is_searched(self) -> None:
        job = speed_job(SEGMENTOR, "backbone_throughput", precision="amp_fp16", batch="max")
        measured = backbone.measure(job).measured
        assert measured.values["batch_images"] > 64
        figures_are_positive(measured, "backbone_img_s")


def speed_job(key: str, measure: str, **fields: Any) -> Job:
    task = read.tasks()["coco" if key == DETECTOR else "ade20k"]
    job = job_of(key, task, measure, (128, 192), "cuda", **fields)
    switches.apply(job.protocol, job.cell.precision)
    return job


def figures_are_positive(measured: Measured, *names: str) -> None:
    for name in names:
        value = measured.values[name]
        assert 0 < value < float("inf"), name


@pytest.mark.parametrize("size", [(803, 1285)], ids=str)
def test_maps_of_vmamba_at_the_size_of_a_detector(size: tuple[int, int]) -> None:
    """One block per stage, with every fused kernel, against plain operations in float64 on a CPU."""
    config = VMAMBA["vmamba_tiny_s1l8"]
    assert isinstance(config, HierarchyConfig)
    shallow = dataclasses.replace(config, depths=(1, 1, 1, 1))
    net = build_config(shallow, size, Options(backbone=True))
    image = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = copy.deepcopy(net).double()(image.double())
    on_gpu = net.to(DEVICE)
    for precision, dtype in AMP.items():
        with torch.inference_mode(), torch.autocast("cuda", dtype, enabled=dtype is not None):
            found = on_gpu(image.to(DEVICE))
        assert [each.shape for each in found] == [each.shape for each in expected]
        for each, wanted in zip(found, expected, strict=True):
            assert relative_error(each.double().cpu(), wanted) < BOUNDS[precision], precision

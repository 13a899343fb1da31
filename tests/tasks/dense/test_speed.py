"""Speed and memory of detectors and segmentors: what is timed, what is left out, and what a record says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from bench import zoo
from bench.catalog import read
from bench.metrics.registry import metrics
from bench.spec.card import TaskCard
from bench.spec.errors import CellError, Unsupported
from bench.spec.job import Job
from bench.spec.record import Measured
from bench.tasks.dense import backbone, fps, memory
from bench.tasks.dense.passes import CANDIDATES, DetectorPasses, Passes, Seen, SegmentorPasses
from bench.tasks.dense.rigs import build_rigs
from bench.tasks.speed.check import relative_errors
from tests.tasks.dense.conftest import MakeJob
from tests.tasks.dense.small import DETECTOR, SEGMENTOR, small_detector, small_segmentor
from tests.tasks.speed.conftest import QUICK

SIZE = (64, 96)
TASKS = {DETECTOR: "coco", SEGMENTOR: "ade20k"}
Timed = Callable[..., Job]


class Operators(TorchDispatchMode):
    """Counts the operators that run within."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.counts[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


@contextmanager
def operators() -> Iterator[Counter[str]]:
    with Operators() as counter:
        yield counter.counts


@pytest.fixture(scope="module")
def detector() -> nn.Module:
    from bench.zoo.openmmlab import source

    torch.manual_seed(0)
    return source.build(read.every_model()[DETECTOR], small_detector(SIZE)).eval()


@pytest.fixture(scope="module")
def segmentor() -> nn.Module:
    from bench.zoo.openmmlab import source

    torch.manual_seed(0)
    return source.build(read.every_model()[SEGMENTOR], small_segmentor(SIZE)).eval()


@pytest.fixture
def models(
    detector: nn.Module, segmentor: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Any]]:
    """Build the cards of both as these, and give the detector its threshold back."""
    both: dict[str, Any] = {DETECTOR: detector, SEGMENTOR: segmentor}
    monkeypatch.setattr(zoo, "load", lambda card, **_: zoo.Loaded(both[card.key], "f" * 64))
    published = both[DETECTOR].roi_head.test_cfg.score_thr
    yield both
    both[DETECTOR].roi_head.test_cfg.score_thr = published


@pytest.fixture
def timed(make_job: MakeJob, tmp_path: Path) -> Timed:
    """Return a maker of jobs of a few milliseconds at a small size."""

    def make(key: str, measure: str, **fields: Any) -> Job:
        task: TaskCard = read.tasks()[TASKS[key]]
        size = {"height_px": SIZE[0], "width_px": SIZE[1]}
        job = make_job(task, tmp_path, key, measure=measure, **(size | fields))
        return job.model_copy(update={"protocol": job.protocol.model_copy(update=QUICK)})

    return make


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("precision", ["fp32", "amp_bf16", "amp_fp16"])
@pytest.mark.parametrize("key", [DETECTOR, SEGMENTOR])
def test_fps_with_and_without_post_processing_are_two_figures(timed: Timed, key: str, precision: str) -> None:
    result = fps.measure(timed(key, "fps", precision=precision))
    measured, values = result.measured, result.measured.values
    for name in ("fps", "fps_network"):
        assert values[f"{name}_img_s"] == pytest.approx(1 / values[f"{name}_step_s"])
        assert len(measured.samples[f"{name}_step_s"]) in {4, 5}
    own = {name for name, metric in metrics().items() if metric.measure in {"fps", "throughput"}}
    assert set(values) <= own
    # nothing that could be read as the figure of a classifier
    assert not {"throughput_img_s", "step_s", "batch_images"} & {*values, *measured.samples}
    assert (values["output_rel_error"] == 0.0) == (precision == "fp32")
    assert "output_mismatch" not in measured.flags
    assert result.weights_sha256 == "f" * 64
    assert Measured.model_validate_json(measured.model_dump_json()) == measured


@pytest.mark.usefixtures("models")
def test_samples_details_and_flags_tell_both_apart(timed: Timed) -> None:
    measured = fps.measure(timed(SEGMENTOR, "fps")).measured
    assert set(measured.samples) == {
        *("fps_step_s", "window_wall_step_s", "window_steps"),
        *("fps_network_step_s", "network_window_wall_step_s", "network_window_steps"),
    }
    assert {"windows", "network_windows", "timer", "network_timer"} <= set(measured.details)
    assert measured.details["tested_in"] == "whole images"
    assert measured.details["windows_per_image"] == [1, 1]
    assert "detections" not in measured.values
    merged = fps._merge(
        Measured(values={}, flags=("cpu_bound", "shared_gpu")),
        Measured(values={}, flags=("not_converged", "shared_gpu")),
    )
    assert merged.flags == ("cpu_bound", "shared_gpu", "network_not_converged")


def both_passes(passes: Passes, image: Tensor) -> tuple[Counter[str], Counter[str]]:
    # in inference mode operators are not taken apart
    with torch.no_grad():
        seen = passes.look(image)
        with operators() as whole:
            passes.whole(image)
        with operators() as network:
            passes.network(image, seen)
    return whole, network


WORK = {"convolution", "addmm", "roi_align", "nms", "topk", "sort", "upsample_bilinear2d", "argmax", "relu"}


def test_a_detector_without_post_processing_is_a_part_of_the_whole(models: dict[str, Any]) -> None:
    passes, image = DetectorPasses(models[DETECTOR]), torch.randn(1, 3, *SIZE)
    with torch.inference_mode():
        passes.fill(image)
    whole, network = both_passes(passes, image)
    assert all(network[name] <= whole[name] for name in network if name in WORK)
    # every convolution and product, and every cut out of the maps
    assert {name: network[name] for name in ("convolution", "addmm", "roi_align")} == {
        name: whole[name] for name in ("convolution", "addmm", "roi_align")
    }
    assert min(network[name] for name in ("convolution", "addmm", "roi_align")) > 1
    assert whole["nms"] == 2
    assert (network["nms"], network["topk"], network["sort"], network["grid_sampler_2d"]) == (0, 0, 0, 0)
    # one mask after the other is pasted on a CPU
    assert whole["grid_sampler_2d"] == 100


def test_a_segmentor_without_post_processing_is_a_part_of_the_whole(models: dict[str, Any]) -> None:
    whole, network = both_passes(SegmentorPasses(models[SEGMENTOR]), torch.randn(1, 3, *SIZE))
    assert network["convolution"] == whole["convolution"] > 20
    # to the size of the image, once by the head and once by the segmentor
    assert whole["upsample_bilinear2d"] == network["upsample_bilinear2d"] + 2
    assert (whole["argmax"], network["argmax"]) == (1, 0)


def test_windows_of_a_segmentor_are_the_same_without_post_processing(models: dict[str, Any]) -> None:
    model = models[SEGMENTOR]
    before = model.test_cfg
    model.test_cfg = type(before)(mode="slide", crop_size=(64, 64), stride=(32, 32))
    try:
        passes, image = SegmentorPasses(model), torch.randn(1, 3, 64, 128)
        with torch.inference_mode():
            seen = passes.look(image)
            scores = passes.network(image, seen)
        assert [list(window.shape) for window in seen.inputs] == [[1, 3, 64, 64]] * 3
        assert torch.equal(seen.inputs[1], image[..., 32:96])
        assert [(name, list(each.shape)) for name, each in scores.items()] == [
            (f"window_{number}", [1, 150, 16, 16]) for number in range(3)
        ]
        assert passes.settings() == {"tested_in": "windows"}
        whole, network = both_passes(passes, image)
        assert network["convolution"] == whole["convolution"]
    finally:
        model.test_cfg = before


def test_numbers_without_post_processing_are_those_of_the_whole(models: dict[str, Any]) -> None:
    passes, image = DetectorPasses(models[DETECTOR]), torch.randn(1, 3, *SIZE)
    given: list[Tensor] = []
    head = models[DETECTOR].roi_head.bbox_head
    handle = head.register_forward_hook(lambda _, __, found: given.append(found[0]))
    with torch.inference_mode():
        passes.fill(image)
        seen = passes.look(image)
        found = passes.network(image, seen)
    handle.remove()
    assert torch.equal(found["class_scores"], given[-2])
    of_regions = {name: len(each) for name, each in found.items() if not name.startswith("anchor")}
    assert of_regions == {
        "class_scores": seen.counts["proposals"],
        "box_offsets": seen.counts["proposals"],
        "masks": 100,
    }
    assert len(found) == 10 + len(of_regions)


def test_random_weights_are_made_to_find_something_and_others_left_alone(
    models: dict[str, Any], timed: Timed
) -> None:
    settings = models[DETECTOR].roi_head.test_cfg
    published = settings.score_thr
    alone = build_rigs(timed(DETECTOR, "fps", weights="some.pth"), buffers=2)
    assert settings.score_thr == alone.settings["score_threshold"] == published == 0.05
    assert [seen.counts["detections"] for seen in alone.seen] == [0, 0]
    found = fps.measure(timed(DETECTOR, "fps")).measured
    assert 0 < settings.score_thr < published
    assert found.details["score_threshold"] == settings.score_thr
    assert found.details["detections_per_image"] == [100, 100]
    assert found.values["detections"] == 100
    candidates: Any = found.details["candidates_per_image"]
    assert 0.9 * CANDIDATES < candidates[0] <= CANDIDATES


def test_a_detector_that_proposes_nothing_is_timed_too(models: dict[str, Any]) -> None:
    settings = models[DETECTOR].rpn_head.test_cfg
    before = settings.min_bbox_size
    settings.min_bbox_size = 10_000
    try:
        passes, image = DetectorPasses(models[DETECTOR]), torch.randn(1, 3, *SIZE)
        with torch.inference_mode():
            passes.fill(image)
            seen = passes.look(image)
            found = passes.network(image, seen)
        assert dict(seen.counts) == {"proposals": 0, "candidates": 0, "detections": 0}
        assert len(found) == 10
    finally:
        settings.min_bbox_size = before


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("measure", [fps.measure, memory.measure])
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"precision": "bf16"}, "cannot be cast to bf16 as a whole; set `precisions` to amp_bf16"),
        ({"precision": "fp16"}, "cannot be cast to fp16 as a whole; set `precisions` to amp_fp16"),
        ({"mode": "compiled"}, "is measured eager, .* set `modes: \\[eager\\]`"),
        ({"precision": "tf32"}, "tf32 needs an NVIDIA GPU"),
    ],
)
def test_what_the_whole_cannot_is_said(
    timed: Timed, measure: Callable[[Job], object], fields: dict[str, str], said: str
) -> None:
    with pytest.raises(Unsupported, match=said):
        measure(timed(DETECTOR, "fps", **fields))


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("precision", ["fp32", "amp_bf16", "bf16"])
@pytest.mark.parametrize("key", [DETECTOR, SEGMENTOR])
def test_the_backbone_runs_alone(models: dict[str, Any], timed: Timed, key: str, precision: str) -> None:
    batches: list[int] = []
    model = models[key]
    handles = [
        model.backbone.register_forward_pre_hook(lambda _, given: batches.append(len(given[0]))),
        model.decode_head.register_forward_pre_hook(lambda *_: pytest.fail("a head ran"))
        if key == SEGMENTOR
        else model.neck.register_forward_pre_hook(lambda *_: pytest.fail("the neck ran")),
    ]
    measured = backbone.measure(timed(key, "backbone_throughput", batch=3, precision=precision)).measured
    for handle in handles:
        handle.remove()
    model.float()
    values = measured.values
    assert set(batches) == {3}
    assert values["backbone_img_s"] == pytest.approx(3 / values["backbone_step_s"])
    assert values["batch_images"] == 3
    assert len(measured.samples["backbone_step_s"]) in {4, 5}
    assert not {"throughput_img_s", "step_s", "fps_img_s"} & {*values, *measured.samples}
    assert (values["output_rel_error"] == 0.0) == (precision == "fp32")
    assert "output_mismatch" not in measured.flags


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("key", [DETECTOR, SEGMENTOR])
def test_memory_is_that_of_the_whole_for_one_image(models: dict[str, Any], timed: Timed, key: str) -> None:
    measured = memory.measure(timed(key, "memory")).measured
    assert set(measured.values) == {"peak_process_bytes", "weights_bytes", "batch_images"}
    assert measured.values["batch_images"] == 1
    parameters = sum(each.numel() for each in models[key].parameters())
    assert measured.values["weights_bytes"] > 4 * parameters
    assert measured.details["steps"] == 3
    assert ("score_threshold" in measured.details) == (key == DETECTOR)


def test_a_model_of_one_size_is_built_for_its_windows(
    monkeypatch: pytest.MonkeyPatch, make_job: MakeJob, tmp_path: Path
) -> None:
    asked: list[tuple[int, int]] = []

    class Stop(Exception):
        pass

    def load(card: Any, *, height_px: int, width_px: int, **_: Any) -> Any:
        asked.append((height_px, width_px))
        raise Stop

    monkeypatch.setattr(zoo, "load", load)
    task = read.tasks()["ade20k"]
    for key, size in (
        ("upernet-vim_tiny", (512, 2048)),
        ("upernet-vim_tiny", (64, 256)),
        (SEGMENTOR, (512, 2048)),
    ):
        job = make_job(task, tmp_path, key, measure="fps", height_px=size[0], width_px=size[1])
        with pytest.raises(Stop):
            fps.measure(job)
    assert asked == [(512, 512), (64, 256), (512, 2048)]


def test_an_output_that_is_not_finite_is_no_speed(models: dict[str, Any], timed: Timed) -> None:
    weight = models[SEGMENTOR].decode_head.conv_seg.bias
    before = weight.detach().clone()
    weight.data.fill_(float("inf"))
    try:
        with pytest.raises(CellError, match="the output is not finite"):
            fps.measure(timed(SEGMENTOR, "fps"))
    finally:
        weight.data.copy_(before)


def test_half_precision_is_held_against_regions_as_it_holds_them(detector: nn.Module) -> None:
    """Corners of regions are rounded by mmdet to the format of the maps: no rounding of the network."""
    image = torch.randn(1, 3, 256, 320, generator=torch.Generator().manual_seed(0))
    passes = DetectorPasses(detector)
    # bfloat16 has whole numbers from 128 on, even ones from 256 on
    corners = torch.tensor([[0.0, 200.5, 130.5, 290.9, 220.5], [0.0, 270.9, 180.5, 300.9, 240.5]])
    seen = Seen((corners, corners))
    with torch.inference_mode():
        with torch.autocast("cpu", torch.bfloat16):
            found = passes.network(image, seen)
        exact, expected = passes.network(image, seen), passes.expected(image, seen, torch.bfloat16)
        same = passes.expected(image, seen, torch.float32)
    assert set(relative_errors(same, exact).values()) == {0.0}
    rounded, unrounded = relative_errors(found, expected), relative_errors(found, exact)
    for name in ("class_scores", "box_offsets", "masks"):
        assert rounded[name] < 0.02, name
        assert unrounded[name] > 3 * rounded[name], (name, unrounded, rounded)


@pytest.mark.parametrize(
    "part", ["rpn_head.rpn_reg", "roi_head.bbox_head.fc_cls", "roi_head.mask_head.conv_logits"]
)
def test_a_head_that_is_wrong_in_half_precision_is_flagged(
    models: dict[str, Any], timed: Timed, part: str
) -> None:
    """With random weights masks are nearly all of the outputs' norm, and must not hide the other heads."""

    def doubled(_: nn.Module, __: Any, found: Tensor) -> Tensor | None:
        return found * 2 if torch.is_autocast_enabled("cpu") else None

    handle = models[DETECTOR].get_submodule(part).register_forward_hook(doubled)
    measured = fps.measure(timed(DETECTOR, "fps", precision="amp_bf16")).measured
    handle.remove()
    assert "output_mismatch" in measured.flags
    errors: Any = measured.details["output_rel_errors"]
    assert max(errors.values()) == measured.values["output_rel_error"] == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("dtype", "region"),
    [
        # an area of 12,512 is one of 112 x 112 in bfloat16, and from there on the next map is cut
        (torch.bfloat16, [0.0, 2.0, 4.0, 94.0, 140.0]),
        # one of 75,000 is infinite in half precision, and then the coarsest map is cut
        (torch.float16, [0.0, 10.0, 4.0, 310.0, 254.0]),
    ],
)
def test_half_precision_is_held_against_the_maps_that_it_chooses(
    detector: nn.Module, dtype: torch.dtype, region: list[float]
) -> None:
    image = torch.randn(1, 3, 256, 320, generator=torch.Generator().manual_seed(0))
    passes, regions = DetectorPasses(detector), torch.tensor([region])
    seen = Seen((regions, regions))
    with torch.inference_mode():
        with torch.autocast("cpu", dtype):
            found = passes.network(image, seen)
        exact, expected = passes.network(image, seen), passes.expected(image, seen, dtype)
        again = passes.network(image, seen)
    chosen, other = relative_errors(found, expected), relative_errors(found, exact)
    for name in ("class_scores", "box_offsets", "masks"):
        assert chosen[name] < 0.02, name
        assert other[name] > 0.1, name
    assert all(torch.equal(again[name], each) for name, each in exact.items())

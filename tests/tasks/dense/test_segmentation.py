"""Segmentors are scored as mmsegmentation scores them, digit by digit; one that has learnt scores high."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from bench.catalog import read
from bench.machine.dense_data import locate
from bench.metrics.confusion import scores, unpack
from bench.sets.quickstart import make_ade20k
from bench.spec.errors import BadData, Incomplete, Unsupported
from bench.spec.record import Measured
from bench.tasks.segmentation.accuracy import measure, scale
from tests.tasks.dense.conftest import (
    CLASSES,
    MakeJob,
    Score,
    Set,
    learn,
    published_data,
    run_test,
    small_task,
)
from tests.tasks.dense.small import SEGMENTOR, small_segmentor

IMAGES = 6
KEY = SEGMENTOR
SCALE = (160, 96)


@pytest.fixture(scope="module")
def ade(tmp_path_factory: pytest.TempPathFactory) -> Set:
    root = tmp_path_factory.mktemp("data") / "ADEChallengeData2016"
    make_ade20k(root, images=IMAGES, classes=CLASSES, seed=1)
    task = small_task("ade20k", IMAGES, {"at": (96, 160), "scale": SCALE})
    return Set(root, task, small_segmentor((96, 160)))


@pytest.fixture(scope="module")
def segmentor(ade: Set) -> nn.Module:
    """Train a small UperNet on the set itself."""
    from mmengine.dataset import pseudo_collate
    from mmengine.registry import DefaultScope
    from mmseg.datasets import ADE20KDataset

    from bench.zoo.openmmlab import source

    torch.manual_seed(0)
    model = source.build(read.every_model()[KEY], copy.deepcopy(ade.config))
    with DefaultScope.overwrite_default_scope("mmseg"):
        images = ADE20KDataset(
            data_root=str(ade.root),
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
    batches = [pseudo_collate([images[i] for i in range(j, j + 3)]) for j in (0, 3)]
    learn(model, batches, steps=120, rate=6e-3)
    return model


@pytest.fixture
def scored(
    ade: Set, segmentor: nn.Module, make_job: MakeJob, answer_with: Callable[[nn.Module], None]
) -> Score:
    def score(**fields: Any) -> Measured:
        answer_with(copy.deepcopy(segmentor))
        return measure(make_job(ade.task, ade.data, KEY, **fields)).measured

    return score


def by_runner(ade: Set, model: nn.Module, work: Path, **changes: Any) -> Mapping[str, float]:
    """Score with mmengine's `Runner` and the configuration that comes with mmsegmentation."""
    published = published_data("mmseg", "ade20k.py", str(ade.root), SCALE)
    network = copy.deepcopy(ade.config)
    if changes.get("windows") == "slide":
        network["test_cfg"] = {"mode": "slide", "crop_size": (512, 512), "stride": (341, 341)}
    state = model.state_dict(prefix="module." if "scales" in changes else "")
    if changes.get("scales") == "multi":
        published.test_dataloader.dataset.pipeline = published.tta_pipeline
        network = {"type": "SegTTAModel", "module": network}
    found: dict[str, float] = run_test("mmseg", network, state, published, work)
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("changes", [{}, {"windows": "slide"}, {"scales": "multi"}])
def test_scores_are_those_of_mmengine_s_runner(
    changes: dict[str, Any],
    ade: Set,
    segmentor: nn.Module,
    scored: Score,
    tmp_path: Path,
) -> None:
    ours = scored(**changes)
    theirs = by_runner(ade, segmentor, tmp_path, **changes)
    how = "_ms" if changes.get("scales") == "multi" else ""
    names = {"miou": "mIoU", "macc": "mAcc", "aacc": "aAcc"}
    assert {name: f"{ours.values[f'{name}{how}_percent']:.2f}" for name in names} == {
        name: f"{theirs[theirs_name]:.2f}" for name, theirs_name in names.items()
    }
    assert ours.values["images"] == IMAGES
    assert ours.details["windows"] == changes.get("windows", "whole")


def test_a_segmentor_that_has_learnt_the_set_scores_high(scored: Score) -> None:
    values = scored().values
    assert values["miou_percent"] > 60
    assert values["aacc_percent"] > 80


def test_scores_are_those_of_numpy_over_all_pixels(ade: Set, segmentor: nn.Module, scored: Score) -> None:
    """Predict once more by hand, and score by the definition, class by class."""
    from mmengine.config import Config
    from mmengine.registry import DefaultScope
    from mmseg.apis import inference_model

    found = scored()
    predicted, labels = [], []
    model: Any = copy.deepcopy(segmentor)
    model.cfg = Config(
        {
            "test_pipeline": [
                {"type": "LoadImageFromFile"},
                {"type": "Resize", "scale": SCALE, "keep_ratio": True},
                {"type": "PackSegInputs"},
            ],
            "default_scope": "mmseg",
        }
    )
    for path in sorted((ade.root / "images/validation").iterdir()):
        # the scope of whichever `Runner` came last is no part of this test
        with torch.inference_mode(), DefaultScope.overwrite_default_scope("mmseg"):
            predicted.append(inference_model(model, str(path)).pred_sem_seg.data.squeeze(0).numpy().ravel())
        label = np.asarray(Image.open(ade.root / "annotations/validation" / f"{path.stem}.png"))
        labels.append(label.ravel().astype(int) - 1)
    one, other = np.concatenate(predicted), np.concatenate(labels)
    one, other = one[other >= 0], other[other >= 0]
    ious = [
        np.sum((one == c) & (other == c)) / np.sum((one == c) | (other == c))
        for c in range(150)
        if np.any(one == c) or np.any(other == c)
    ]
    assert found.values["miou_percent"] == pytest.approx(100 * np.mean(ious), abs=1e-9)
    assert found.values["aacc_percent"] == pytest.approx(100 * np.mean(one == other), abs=1e-9)


def test_the_record_holds_the_matrix_that_the_scores_follow_from(scored: Score) -> None:
    found = scored()
    counts = unpack(found.details["confusion"])
    assert counts.shape == (150, 150)
    assert counts[:, CLASSES:].sum() + counts[CLASSES:].sum() < counts.sum() / 10
    again = scores(counts, several_scales=False)
    assert again == {name: value for name, value in found.values.items() if name != "images"}


def test_loader_processes_and_limits_change_what_is_read_and_nothing_else(
    scored: Score,
) -> None:
    alone, beside = scored(limit_images=3), scored(limit_images=3, loader_workers=1)
    assert alone == beside
    assert alone.values["images"] == 3
    assert alone.flags == ("partial", "random_weights")


def test_networks_of_one_window(ade: Set, make_job: MakeJob) -> None:
    published = read.tasks()["ade20k"]
    assert published.layout is not None
    vim, window = "upernet-vim_tiny", {"height_px": 512, "width_px": 512}
    # the images are those of the other networks: the size of the cell is that of the window
    assert scale(make_job(published, ade.data, vim, **window), published.layout) == (2048, 512)
    assert scale(make_job(published, ade.data, KEY, **window), published.layout) == (512, 512)
    assert scale(make_job(published, ade.data, KEY), published.layout) == (2048, 512)
    for wanted, task, fields in (
        ("built for one size of window .* set `scales: single`", published, {**window, "scales": "multi"}),
        ("leave out `windows`", published, {**window, "windows": "whole"}),
        (r"set `resolutions: \[512\]`", published, {"height_px": 512, "width_px": 1024}),
        ("and `task: ade20k`", ade.task, {}),
    ):
        with pytest.raises(Unsupported, match=wanted):
            measure(make_job(task, ade.data, vim, **fields))


def test_formats_that_the_models_cannot_be_cast_to(
    ade: Set, make_job: MakeJob, segmentor: nn.Module, answer_with: Callable[[nn.Module], None]
) -> None:
    answer_with(copy.deepcopy(segmentor))
    with pytest.raises(Unsupported, match="set `precisions` to amp_bf16"):
        measure(make_job(ade.task, ade.data, KEY, precision="bf16"))


class TestWrongData:
    """Each is found before the network is built, with the file and the remedy."""

    @pytest.fixture
    def data(self, tmp_path: Path) -> Path:
        make_ade20k(tmp_path / "ADEChallengeData2016", images=IMAGES, classes=CLASSES, seed=1)
        return tmp_path

    @pytest.fixture
    def complaint(self, ade: Set, data: Path, make_job: MakeJob) -> Callable[[], str]:
        def complain() -> str:
            with pytest.raises(BadData) as caught:
                measure(make_job(ade.task, data, KEY))
            return str(caught.value)

        return complain

    def labels(self, data: Path) -> list[Path]:
        return sorted((data / "ADEChallengeData2016/annotations/validation").iterdir())

    def test_images_are_missing(self, data: Path, complaint: Callable[[], str]) -> None:
        next((data / "ADEChallengeData2016/images/validation").iterdir()).unlink()
        assert (
            "holds 5 images (.jpg), but ADE20K validation has 6; complete it, or score a part with --limit"
            in (complaint())
        )

    def test_labels_are_missing(self, data: Path, complaint: Callable[[], str]) -> None:
        self.labels(data)[2].unlink()
        assert "lacks the labels of 1 images (ADE_val_00000003.png ...)" in complaint()

    def test_labels_are_colours(self, data: Path, complaint: Callable[[], str]) -> None:
        Image.open(self.labels(data)[0]).convert("RGB").save(self.labels(data)[0])
        assert (
            "ADE_val_00000001.png is a PNG of mode RGB, with colours in place of class numbers" in complaint()
        )

    def test_labels_have_another_palette(self, data: Path, complaint: Callable[[], str]) -> None:
        path = self.labels(data)[0]
        values = np.asarray(Image.open(path)).copy()
        values[values > 0] += 190
        Image.fromarray(values).save(path)
        said = complaint()
        assert "ADE_val_00000001.png holds the value 19" in said
        assert "0 (not counted) and 1 to 150; its palette or its numbering is another" in said

    def test_the_zero_was_removed_before(self, data: Path, complaint: Callable[[], str]) -> None:
        for path in self.labels(data):
            # 0 becomes 255, which is no label of ADE20K
            Image.fromarray(np.asarray(Image.open(path)) - np.uint8(1)).save(path)
        assert "holds the value 255" in (said := complaint())
        assert "(reduce_zero_label) and must not be removed before" in said

    def test_nothing_is_labelled(self, data: Path, complaint: Callable[[], str]) -> None:
        for path in self.labels(data):
            Image.fromarray(np.zeros_like(np.asarray(Image.open(path)))).save(path)
        assert "no pixel of 6 label files has a class" in complaint()

    def test_an_image_of_another_size(self, data: Path, complaint: Callable[[], str]) -> None:
        path = self.labels(data)[0]
        Image.fromarray(np.zeros((5, 7), np.uint8)).save(path)
        assert "ADE_val_00000001.png is 7x5 px, its image" in complaint()

    def test_a_damaged_image_is_counted(
        self,
        ade: Set,
        data: Path,
        segmentor: nn.Module,
        make_job: MakeJob,
        answer_with: Callable[[nn.Module], None],
    ) -> None:
        task = ade.task
        assert task.layout is not None
        images = sorted(locate(task, task.layout, data).images.iterdir())
        whole = images[-1].read_bytes()
        images[-1].write_bytes(whole[:200])
        answer_with(copy.deepcopy(segmentor))
        with pytest.raises(
            Incomplete, match=r"1 images cannot be decoded: ADE_val_00000006 .* to 1 to leave"
        ):
            measure(make_job(task, data, KEY))
        found = measure(make_job(task, data, KEY, allowed_corrupt=1)).measured
        assert found.values["images"] == 5
        assert found.details["corrupt"] == ["ADE_val_00000006"]
        assert "corrupt_excluded" in found.flags

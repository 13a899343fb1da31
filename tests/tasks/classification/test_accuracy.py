"""Every image is scored exactly once, however it is loaded; what is wrong with a data set is said."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Image
from torch import nn

from bench.catalog import read
from bench.machine import weights as cache
from bench.sets.made import MANIFEST, encoded, ensure
from bench.spec.cell import Cell
from bench.spec.errors import BadData, MissingData, MissingWeights
from bench.tasks.classification import accuracy
from bench.tasks.classification.accuracy import measure
from bench.tasks.classification.targets import real_labels
from bench.tasks.forward import Prepared

if TYPE_CHECKING:
    from tests.tasks.classification.conftest import Bits, MakeJob, MakeTask, WriteImages

BITS = ("correct_top1_bits", "correct_top5_bits", "order_digest")


@pytest.mark.parametrize(("batch", "workers"), [(1, 0), (7, 2), (64, 2), (1008, 0)])
def test_batch_size_and_loader_change_nothing(
    make_job: MakeJob, discerning: str, batch: int, workers: int
) -> None:
    usual = measure(make_job(weights=discerning, size_px=48, eval_batch=64))
    other = measure(make_job(weights=discerning, size_px=48, eval_batch=batch, loader_workers=workers))
    assert usual.measured.values == other.measured.values
    assert usual.measured.details == other.measured.details
    assert usual.data_fingerprint == other.data_fingerprint
    assert usual.measured.values["images"] == 1008
    assert 50 < usual.measured.values["top1_correct"] < usual.measured.values["top5_correct"] < 950


def test_what_a_record_holds(bits: Bits, few_job: MakeJob, discerning: str) -> None:
    result = measure(few_job())
    measured = result.measured
    assert measured.flags == ()
    assert result.weights_sha256 == hashlib.sha256(Path(discerning).read_bytes()).hexdigest()
    assert list(measured.values) == [
        "top1_percent",
        "top5_percent",
        "top1_stderr_percent",
        "top5_stderr_percent",
        "top1_correct",
        "top5_correct",
        "images",
    ]
    right = measured.values["top1_correct"]
    assert measured.values["top1_percent"] == pytest.approx(100 * right / 27)
    assert sum(bits(measured, "correct_top1_bits")) == right
    assert len(bits(measured, "correct_top1_bits")) == 32
    assert {name: value for name, value in measured.details.items() if name not in BITS} == {
        "reader": "folder",
        "classes": 3,
        "preprocessing": {
            "height_px": 32,
            "width_px": 32,
            "crop_pct": 0.875,
            "crop_mode": "center",
            "interpolation": "bicubic",
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
        },
        "selection": "all",
        "images_in_set": 27,
    }


def test_bits_say_which_images_were_right(
    bits: Bits, few_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Always:
        def place(self, images: torch.Tensor) -> torch.Tensor:
            return images

        def step(self, images: torch.Tensor) -> torch.Tensor:
            return torch.tensor([0.0, 9.0, 1.0, 2.0, 3.0, 4.0, 5.0]).repeat(len(images), 1)

    monkeypatch.setattr(accuracy.forward, "prepare", lambda *_: Always())
    measured = measure(few_job()).measured
    assert bits(measured, "correct_top1_bits") == [0] * 9 + [1] * 9 + [0] * 14
    assert bits(measured, "correct_top5_bits") == [0] * 9 + [1] * 9 + [0] * 14
    assert measured.values["top1_percent"] == pytest.approx(100 / 3)
    assert measured.values["top1_stderr_percent"] == pytest.approx(100 * (1 / 3 * 2 / 3 / 27) ** 0.5)


def test_compiled_networks_see_one_batch_size(few_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    prepare = accuracy.forward.prepare

    def watched(model: nn.Module, cell: Cell, device: torch.device) -> Prepared:
        prepared = prepare(model, cell.model_copy(update={"mode": "eager"}), device)
        step = prepared.step

        def counting(images: torch.Tensor) -> torch.Tensor:
            seen.append(len(images))
            return step(images)

        monkeypatch.setattr(prepared, "step", counting)
        return prepared

    usual = measure(few_job(eval_batch=10)).measured
    monkeypatch.setattr(accuracy.forward, "prepare", watched)
    job = few_job(eval_batch=10)
    compiled = job.model_copy(update={"cell": job.cell.model_copy(update={"mode": "compiled"})})
    assert measure(compiled).measured == usual
    assert seen == [10, 10, 10]


def test_limit_takes_images_evenly_and_says_so(bits: Bits, few_job: MakeJob) -> None:
    whole, part = measure(few_job()), measure(few_job(limit_images=9))
    assert part.measured.flags == ("partial",)
    assert part.measured.values["images"] == 9
    assert part.measured.details["selection"] == "evenly spread"
    for name in ("correct_top1_bits", "correct_top5_bits"):
        assert bits(part.measured, name)[:9] == bits(whole.measured, name)[:27:3]
    assert part.data_fingerprint == whole.data_fingerprint
    assert part.measured.details["order_digest"] != whole.measured.details["order_digest"]


def test_limit_allows_an_incomplete_data_set(few_job: MakeJob) -> None:
    with pytest.raises(BadData) as caught:
        measure(few_job({"images": 50}))
    assert "photos/val holds 27 images with labels, but ImageNet-1K validation has 50; " in str(caught.value)
    assert measure(few_job({"images": 50}, limit_images=30)).measured.flags == ("partial",)


def test_the_reader_changes_nothing(few: Path, few_job: MakeJob, tmp_path: Path, own_cache: Path) -> None:
    folder = measure(few_job())
    with tarfile.open(few / "photos" / "val.tar", "w") as tar:
        tar.add(few / "photos" / "val", "val")
    rows = [(path, "abc".index(path.parent.name)) for path in sorted(few.rglob("*.JPEG"))]
    features = Features({"image": Image(), "label": ClassLabel(names=["a", "b", "c"])})
    columns = {
        "image": [{"bytes": path.read_bytes(), "path": path.name} for path, _ in rows],
        "label": [label for _, label in rows],
    }
    (few / "photos" / "data").mkdir()
    Dataset.from_dict(columns, features).to_parquet(few / "photos" / "data" / "validation-0.parquet")
    # a training split beside it must be left alone
    (few / "photos" / "data" / "train-0.parquet").write_text("not parquet")
    (few / "photos" / "val").rename(few / "elsewhere")
    tar_results = [measure(few_job(loader_workers=workers, eval_batch=5)) for workers in (0, 2)]
    (few / "photos" / "val.tar").unlink()
    parquet = measure(few_job({"splits": ("val", "validation")}, loader_workers=2))
    assert [result.measured.details["reader"] for result in (*tar_results, parquet)] == [
        "tar",
        "tar",
        "parquet",
    ]
    for result in tar_results:
        assert result.data_fingerprint == folder.data_fingerprint
        assert [result.measured.details[name] for name in BITS] == [
            folder.measured.details[name] for name in BITS
        ]
    # parquet files keep the names of files, not of folders
    assert parquet.measured.values == folder.measured.values
    assert parquet.measured.details["correct_top1_bits"] == folder.measured.details["correct_top1_bits"]
    assert list(own_cache.rglob("*.arrow"))


def test_real_labels_by_file_name(
    tmp_path: Path, few_job: MakeJob, few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = real_labels()
    root = few / "photos" / "val"
    for number, path in enumerate(sorted(root.rglob("*.JPEG"))):
        path.rename(path.with_name(f"ILSVRC2012_val_{number + 1:08d}.JPEG"))
    counted = sum(bool(labels[number]) for number in range(27))
    assert counted < 27
    measured = measure(few_job({"labels": "real", "images": counted})).measured
    assert measured.values["images"] == counted
    assert measured.details["images_without_label"] == 27 - counted
    with pytest.raises(BadData, match=f"holds {counted} images with labels, but .* has 27"):
        measure(few_job({"labels": "real"}))


def test_numbered_folders_of_imagenet_v2(
    make_job: MakeJob, make_task: MakeTask, write_images: WriteImages, tmp_path: Path, discerning: str
) -> None:
    task = make_task(
        "imagenet_v2",
        images=24,
        classes=12,
        class_names="number",
        folders=("imagenet_v2",),
        splits=read.tasks()["imagenet_v2"].splits,
    )
    write_images(tmp_path / "imagenet_v2", {str(number): 2 for number in range(12)})
    numbered = measure(make_job(task=task, data_dir=tmp_path, size_px=32, weights=discerning))
    (tmp_path / "photos" / "val").mkdir(parents=True)
    for number in range(12):
        folder = tmp_path / "imagenet_v2" / str(number)
        folder.rename(tmp_path / "photos" / "val" / f"c{number:02d}")
    same = make_task(images=24)
    in_order = measure(make_job(task=same, data_dir=tmp_path, size_px=32, weights=discerning))
    assert numbered.measured.values == in_order.measured.values
    assert numbered.measured.details["correct_top5_bits"] == in_order.measured.details["correct_top5_bits"]


def test_quickstart_makes_its_data(make_job: MakeJob, tmp_path: Path) -> None:
    task = read.tasks()["quickstart"]
    first = measure(make_job(task=task, data_dir=tmp_path, size_px=32))
    assert first.measured.values["images"] == 80
    assert first.measured.flags == ("random_weights",)
    again = measure(make_job(task=task, data_dir=tmp_path, size_px=32))
    assert again == first
    next((tmp_path / "quickstart").rglob("*.jpg")).unlink()
    with pytest.raises(BadData, match=r"1 of 80 files are not as they were made \(.*\); delete the folder"):
        measure(make_job(task=task, data_dir=tmp_path, size_px=32))


@pytest.mark.parametrize("known", [True, False])
def test_the_record_tells_which_files_were_scored(known: bool, make_job: MakeJob, tmp_path: Path) -> None:
    task = read.tasks()["quickstart"]
    ensure(task, tmp_path / "quickstart" / "val")
    manifest = json.loads((tmp_path / "quickstart" / "val" / MANIFEST).read_text())
    files = encoded(manifest["files"]) if known else "0" * 64
    task = task.model_copy(update={"pixels_sha256": manifest["pixels_sha256"], "files_sha256": files})
    measured = measure(make_job(task=task, data_dir=tmp_path, size_px=32)).measured
    told = str(measured.details["files"])
    if known:
        assert (measured.flags, told) == (("random_weights",), "files as published")
    else:
        assert measured.flags == ("random_weights", "other_encoder")
        assert told.startswith("files of another JPEG library (Pillow ")


def test_nan_is_never_right(few_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def place(self, images: torch.Tensor) -> torch.Tensor:
            return images

        def step(self, images: torch.Tensor) -> torch.Tensor:
            return torch.full((len(images), 1000), torch.nan)

    monkeypatch.setattr(accuracy.forward, "prepare", lambda *_: Broken())
    measured = measure(few_job()).measured
    assert measured.values["top5_correct"] == 0
    assert measured.flags == ("non_finite_logits",)
    assert measured.details["images_with_non_finite_logits"] == 27


def test_label_order_is_suspected_of_trained_weights_only(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Wrong:
        def place(self, images: torch.Tensor) -> torch.Tensor:
            return images

        def step(self, images: torch.Tensor) -> torch.Tensor:
            return torch.arange(1000.0).repeat(len(images), 1)

    monkeypatch.setattr(accuracy.forward, "prepare", lambda *_: Wrong())
    torch.save(accuracy.zoo.build("mobilenetv3_small").state_dict(), tmp_path / "mine.pth")
    assert measure(make_job()).measured.flags == ("random_weights",)
    result = measure(make_job(weights=str(tmp_path / "mine.pth")))
    assert result.measured.flags == ("label_order_suspect",)
    assert result.weights_sha256 is not None
    assert len(result.weights_sha256) == 64


def test_what_is_missing_is_said(few_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(MissingData, match=r"ImageNet-1K validation was not found; looked at .*/nowhere"):
        measure(few_job(data_dir=tmp_path / "nowhere"))
    with pytest.raises(MissingWeights) as caught:
        measure(few_job(weights="published"))
    assert str(cache.cache_folder()) in str(caught.value)

"""Real photographs as JPEG files in class folders, tasks that describe them, and jobs that score them."""

import base64
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from timm.data.transforms_factory import transforms_imagenet_eval
from torch import Tensor, nn

from bench import zoo
from bench.catalog import read
from bench.spec.card import TaskCard
from bench.spec.cell import Cell
from bench.spec.job import Job
from bench.spec.record import Measured

MakeTask = Callable[..., TaskCard]
MakeJob = Callable[..., Job]
TellApart = Callable[[nn.Module, Tensor], dict[str, Tensor]]
Bits = Callable[[Measured, str], list[int]]
WriteImages = Callable[[Path, Mapping[str, int]], None]

CLASSES = 12
PER_CLASS = 84
FEW = {"a": 9, "b": 9, "c": 9}
# all of them ship with scikit-image
SUBJECTS = (
    *("astronaut", "brick", "camera", "cat", "coffee", "coins", "grass", "gravel"),
    *("hubble_deep_field", "immunohistochemistry", "retina", "rocket"),
)


def cut(photo: Image.Image, random: np.random.RandomState) -> Image.Image:
    """Take a random part of a photograph, at a random scale, half of them mirrored."""
    share = random.uniform(0.3, 0.8)
    width, height = int(photo.width * share), int(photo.height * share)
    left, top = random.randint(photo.width - width), random.randint(photo.height - height)
    part = photo.crop((left, top, left + width, top + height))
    part = part.resize((random.randint(100, 180), random.randint(100, 180)), Image.Resampling.BILINEAR)
    return part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if random.randint(2) else part


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Compute in one thread: several that wait for each other on a busy machine take ten times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a data folder that holds `photos/val` with 12 classes of 84 photographs."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.RandomState(3)
    for subject in SUBJECTS:
        photo = Image.fromarray(getattr(data, subject)())
        (folder / "photos" / "val" / subject).mkdir(parents=True)
        for number in range(PER_CLASS):
            path = folder / "photos" / "val" / subject / f"{number}.JPEG"
            cut(photo, random).save(path, quality=int(random.randint(60, 96)))
    return folder


def make_discerning(model: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Make random weights tell images apart, and name none but the first classes; returns all weights.

    Without this nearly every image is given the same class, and hardly any change would show.
    """
    head = model.get_submodule(str(model.pretrained_cfg["classifier"]))  # type: ignore[index]
    assert isinstance(head, nn.Linear)
    with torch.no_grad():
        logits = model(images)
        scale, shift = logits.std(dim=0), logits.mean(dim=0)
        head.weight /= scale[:, None]
        head.bias.copy_((head.bias - shift) / scale)
        head.bias[CLASSES:] = -1e4
    return model.state_dict()


@pytest.fixture
def tell_apart() -> TellApart:
    """Give the function that makes random weights tell images apart."""
    return make_discerning


@pytest.fixture(scope="session")
def discerning(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write weights of `mobilenetv3_small` that tell the photographs apart."""
    files = sorted((photos / "photos").rglob("*.JPEG"))[::10]
    transform = transforms_imagenet_eval(48, interpolation="bicubic")
    images = [Image.fromarray(np.asarray(Image.open(file).convert("RGB"))) for file in files]
    pixels = torch.stack([transform(image) for image in images])
    path = tmp_path_factory.mktemp("weights") / "discerning.pth"
    torch.save(make_discerning(zoo.build("mobilenetv3_small"), pixels), path)
    return str(path)


@pytest.fixture
def write_images() -> WriteImages:
    """Write tiny images, all different, into class folders."""

    def write(root: Path, counts: Mapping[str, int]) -> None:
        random = np.random.RandomState(5)
        for name, count in counts.items():
            (root / name).mkdir(parents=True)
            for number in range(count):
                pixels = random.randint(0, 256, size=(12, 10, 3)).astype(np.uint8)
                Image.fromarray(pixels).save(root / name / f"{name}_{number}.JPEG")

    return write


@pytest.fixture
def make_task() -> MakeTask:
    """Describe a small stand-in of a task of the catalog; by default the photographs."""

    def make(key: str = "imagenet", **fields: object) -> TaskCard:
        small = {
            "images": CLASSES * PER_CLASS,
            "classes": CLASSES,
            "class_names": "any",
            "folders": ("photos",),
            "splits": ("val",),
            "how_to_get": "Get it.",
        }
        return read.tasks()[key].model_copy(update=small | fields)

    return make


@pytest.fixture
def make_job(make_task: MakeTask, photos: Path) -> MakeJob:
    """Describe the scoring of the photographs at 64 px, or what the fields say instead."""

    def make(
        *,
        task: TaskCard | None = None,
        data_dir: Path = photos,
        model: str = "mobilenetv3_small",
        size_px: int = 64,
        weights: str = "random",
        crop_pct: float | None = None,
        limit_images: int | None = None,
        **fields: object,
    ) -> Job:
        task = task or make_task()
        cell = Cell(
            checkpoint=model,
            task=task.key,
            task_digest=task.content_digest,
            height_px=size_px,
            width_px=size_px,
            precision="fp32",
            measure="accuracy",
            device="cpu",
            protocol="house",
            protocol_digest="0" * 12,
            weights=weights,
            crop_pct=crop_pct,
            limit_images=limit_images,
        )
        values = {
            "cell": cell,
            "card": read.models()[model],
            "protocol": read.protocols()["house"],
            "task": task,
            "data_dir": str(data_dir),
            "device": "cpu",
            "limit_s": 60,
        }
        return Job.model_validate(values | fields)

    return make


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let `datasets` keep its files in the folder of the test."""
    cache = tmp_path / "datasets-cache"
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", cache)
    datasets.disable_progress_bars()
    yield cache
    datasets.enable_progress_bars()


@pytest.fixture
def few(tmp_path: Path, write_images: WriteImages) -> Path:
    """Make a data folder that holds 27 tiny images in 3 classes."""
    write_images(tmp_path / "photos" / "val", FEW)
    return tmp_path


@pytest.fixture
def few_job(make_job: MakeJob, make_task: MakeTask, few: Path, discerning: str) -> MakeJob:
    """Describe the scoring of the 27 tiny images; fields of the task go in a mapping of their own."""

    def make(task: dict[str, object] | None = None, **fields: object) -> Job:
        described = make_task(**({"images": 27, "classes": 3} | (task or {})))
        return make_job(
            **({"task": described, "data_dir": few, "size_px": 32, "weights": discerning} | fields)
        )

    return make


@pytest.fixture
def bits() -> Bits:
    """Give the function that unpacks the bits of a record, one per image and zeros at the end."""

    def unpack(measured: Measured, name: str) -> list[int]:
        packed = np.frombuffer(base64.b64decode(str(measured.details[name])), dtype=np.uint8)
        unpacked: list[int] = np.unpackbits(packed).tolist()
        return unpacked

    return unpack

"""How long the harness itself takes: `make benchmarks` prints it, plain test runs check the results only."""

from pathlib import Path

from PIL import Image
from pytest_benchmark.fixture import BenchmarkFixture

from bench.catalog import read
from bench.catalog.reported import reported
from bench.machine.identity import Device
from bench.plan.expand import expand
from bench.plan.state import assess
from bench.plan.suite import Suite
from bench.report.markdown import report
from bench.run.launcher import ForkserverLauncher
from bench.run.recipe import Recipe
from bench.spec.cell import Cell
from bench.spec.job import Report
from bench.spec.record import Failed, Measured, Record
from bench.store.files import Store

TINY = {
    "checkpoint": "mobilenetv3_small",
    "task": "quickstart",
    "task_digest": "0",
    "height_px": 32,
    "width_px": 32,
    "precision": "fp32",
    "measure": "memory",
    "device": "cpu",
    "protocol": "house",
    "protocol_digest": "0",
}


def test_plan_expansion(benchmark: BenchmarkFixture, large_suite: Suite) -> None:
    def plan() -> int:
        cells = expand(large_suite, read.models(), read.tasks(), read.protocols(), "cpu", None)
        return len(assess(cells, {}, lambda _: None, fresh=False))

    cells = benchmark.pedantic(plan, rounds=5, iterations=1)
    assert cells == 2 * 2 * 100 * len(read.models())


def test_record_writing(
    benchmark: BenchmarkFixture, many_records: tuple[Record, ...], tmp_path: Path
) -> None:
    stores = (Store(tmp_path / str(number)) for number in range(100))

    def write() -> Path:
        store = next(stores)
        return [store.write(record) for record in many_records[:20]][-1]

    assert benchmark.pedantic(write, rounds=5, iterations=1).is_file()


def test_record_reading(
    benchmark: BenchmarkFixture, many_records: tuple[Record, ...], tmp_path: Path
) -> None:
    store = Store(tmp_path)
    for record in many_records:
        store.write(record)
    found = benchmark.pedantic(lambda: store.records()[0], rounds=3, iterations=1)
    assert sorted(found, key=str) == sorted(many_records, key=str)


def test_report(
    benchmark: BenchmarkFixture, many_cells: tuple[Cell, ...], many_records: tuple[Record, ...]
) -> None:
    numbers = reported()
    text = benchmark.pedantic(
        lambda: report("large", "", many_cells[:1000], many_records, numbers), rounds=3, iterations=1
    )
    assert "**1,000 of 1,000 planned cells measured**" in text


def test_a_further_worker(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Time a tiny cell in a fresh process, forked from a server that has imported torch and timm."""
    recipe = Recipe(
        read.models(), read.tasks(), read.protocols(), tmp_path, Device("cpu", 0, "a CPU"), limit_s=60
    )
    cell = Cell.model_validate(TINY)
    launcher = ForkserverLauncher()

    def launch() -> Report | Failed:
        return launcher.launch(recipe.job(cell), tmp_path / "log")

    launch()
    ended = benchmark.pedantic(launch, rounds=5, iterations=1)
    assert isinstance(ended, Report)
    assert isinstance(ended.outcome, Measured)


def test_preprocessing(benchmark: BenchmarkFixture) -> None:
    """Time the evaluation transform on one photograph of 500 x 375 px, decoding left out."""
    from bench.tasks.classification import preprocess  # noqa: PLC0415

    image = Image.effect_noise((500, 375), 64).convert("RGB")
    cell = Cell.model_validate(TINY | {"height_px": 224, "width_px": 224})
    transform = preprocess.transform(preprocess.resolve(read.models()["resnet18"], cell))
    assert tuple(benchmark.pedantic(transform, (image,), rounds=20, iterations=1).shape) == (3, 224, 224)

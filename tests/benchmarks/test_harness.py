"""How long the harness itself takes: `make benchmarks` prints it, plain test runs check the results only."""

from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from bench.catalog import read
from bench.catalog.reported import reported
from bench.plan.expand import expand
from bench.plan.state import assess
from bench.plan.suite import Suite
from bench.report.markdown import report
from bench.spec.cell import Cell
from bench.spec.record import Record
from bench.store.files import Store


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

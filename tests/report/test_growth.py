"""Time and memory against tokens."""

from __future__ import annotations

from bench.report.growth import growth_tables
from bench.spec.record import Record
from tests.records import make_cell, make_record


def timed(key: str, size: tuple[int, int], step_s: float, batch: int | str, images: int) -> Record:
    height, width = size
    cell = make_cell(key, "throughput", height_px=height, width_px=width, batch=batch, default_batch=False)
    return make_record(cell, {"step_s": step_s, "batch_images": images, "throughput_img_s": images / step_s})


def remembered(key: str, size: tuple[int, int], peak_mib: int, batch: int) -> Record:
    height, width = size
    cell = make_cell(key, "memory", height_px=height, width_px=width, batch=batch, default_batch=False)
    return make_record(cell, {"peak_allocated_bytes": peak_mib * 2**20, "batch_images": batch})


SMALL, WIDE, LARGE = (224, 224), (512, 2048), (800, 1280)


def test_every_column() -> None:
    records = [
        timed("vim_small", LARGE, 0.16, 4, 4),
        timed("vim_small", SMALL, 0.0196, 100, 100),
        timed("vim_small", SMALL, 0.4, "max", 4000),
        timed("vim_small", WIDE, 0.32768, 4, 4),
        remembered("vim_small", SMALL, 500, 100),
        # of another batch than the time beside it: not shown
        remembered("vim_small", LARGE, 77, 8),
    ]
    (table,) = growth_tables(records)
    assert table.title == "Growth with the input: protocol house, fp32, eager, contiguous"
    assert [column.header for column in table.columns] == [
        "Model",
        "Size (px)",
        "Tokens",
        "Batch",
        "Time per image (ms)",
        "Time per token",
        "Peak allocated per image (MiB)",
        "Largest batch",
        "Time per image in it (ms)",
    ]
    assert table.rows == (
        ("Vim-S", "224", "196", "100", "0.196", "1.00", "5", "4,000", "0.1"),
        # 40 ms for 50 x 80 tokens is 10 us a token, ten times the smallest size's
        ("", "800x1280", "4,000", "4", "40", "10.00", "—", "—", "—"),
        ("", "512x2048", "4,096", "4", "81.9", "20.00", "—", "—", "—"),
    )


def test_only_models_with_three_sizes() -> None:
    two = [timed("vim_small", size, 1.0, 4, 4) for size in (SMALL, WIDE)]
    three = [timed("vim_tiny", size, 1.0, 4, 4) for size in (SMALL, WIDE, LARGE)]
    assert not growth_tables(two)
    (table,) = growth_tables([*two, *three])
    assert [row[0] for row in table.rows] == ["Vim-Ti", "", ""]


def test_another_precision_is_another_table() -> None:
    first = [timed("vim_tiny", size, 1.0, 4, 4) for size in (SMALL, WIDE, LARGE)]
    other = [
        each.model_copy(update={"cell": each.cell.model_copy(update={"precision": "amp_fp16"})})
        for each in first
    ]
    assert [table.title.split(", ")[1] for table in growth_tables(first + other)] == ["fp32", "amp_fp16"]


def test_where_only_the_largest_batch_was_timed_it_makes_the_growth() -> None:
    records = [timed("vim_tiny", size, 1.0, "max", 8) for size in (SMALL, WIDE, LARGE)]
    (table,) = growth_tables(records)
    assert table.rows[0] == ("Vim-Ti", "224", "196", "1.00", "8", "125")

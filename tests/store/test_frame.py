"""All records as one table."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from bench.metrics.registry import metrics
from bench.spec.cell import Cell
from bench.spec.record import Failed, Host, Measured, Record
from bench.store.files import Store
from bench.store.frame import records_frame

MakeRecord = Callable[..., Record]


def test_one_row_per_record(tmp_path: Path, make_record: MakeRecord) -> None:
    store = Store(tmp_path)
    good = make_record(Measured(values={"img_s": 100.5, "images": 8}, flags=("partial", "cpu_bound")))
    bad = make_record(Failed(reason="crash", message="oh"), checkpoint="zoom", wall_s=2.0)
    for record in (bad, good):
        store.write(record)
    frame = records_frame(tmp_path)
    assert list(frame["checkpoint"]) == ["tiny", "zoom"]
    first = frame.iloc[0]
    assert first["cell_key"] == good.cell_key
    assert first["cell_name"] == "tiny/imagenet/224x224/fp32/throughput"
    assert (first["height_px"], first["batch"], first["precision"]) == (224, 1, "fp32")
    assert (first["outcome"], first["flags"]) == ("measured", "partial cpu_bound")
    assert (first["img_s"], first["images"]) == (100.5, 8)
    assert (first["machine"], first["cpu_count"], first["device"]) == ("cpu-x-2-cores", 2, "cpu")
    assert (first["git_commit"], first["git_dirty"], first["suite"]) == ("c" * 40, False, "imagenet")
    assert first["started_utc"] == pd.Timestamp("2026-03-04T05:06:07.089Z")
    second = frame.iloc[1]
    assert (second["outcome"], second["reason"], second["message"]) == ("failed", "crash", "oh")
    assert pd.isna(second["img_s"])
    assert second["wall_s"] == 2.0
    assert frame.attrs["problems"] == []


def test_no_records(tmp_path: Path) -> None:
    frame = records_frame(tmp_path)
    assert frame.empty


def test_damaged_files_are_listed(tmp_path: Path, make_record: MakeRecord) -> None:
    store = Store(tmp_path)
    store.write(make_record())
    path = store.write(make_record(height_px=288))
    path.write_text("")
    frame = records_frame(tmp_path)
    assert len(frame) == 1
    assert frame.attrs["problems"] == [
        f"{path}: truncated or damaged: Expecting value: line 1 column 1 (char 0)"
    ]


def test_no_metric_has_the_name_of_another_column() -> None:
    taken = set(Cell.model_fields) | set(Host.model_fields)
    taken |= {"cell_key", "cell_name", "outcome", "reason", "message", "flags", "started_utc", "wall_s"}
    taken |= {"bench_version", "git_commit", "git_dirty", "suite"}
    assert not taken & set(metrics())

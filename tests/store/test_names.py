"""Where records lie."""

from collections.abc import Callable
from pathlib import PurePath

import pytest

from bench.spec.record import Record
from bench.store.names import relative_path

MakeRecord = Callable[..., Record]


def test_a_readable_path(make_record: MakeRecord) -> None:
    record = make_record()
    assert relative_path(record) == PurePath(
        "cpu-x-2-cores",
        "tiny",
        f"imagenet-224x224-fp32-throughput.{record.cell_key}.20260304T050607089Z.json",
    )


def test_a_slug_may_have_dots_of_its_own(make_record: MakeRecord) -> None:
    record = make_record(weights="/some where/best.v1.2.pth")
    assert relative_path(record).name == (
        f"imagenet-224x224-fp32-throughput-best.v1.2_weights.{record.cell_key}.20260304T050607089Z.json"
    )


def test_times_are_utc_and_sort_as_text(make_record: MakeRecord) -> None:
    started = ("2026-03-04T05:06:07.089+02:00", "2026-03-04T05:06:07+00:00", "2026-11-01T00:00:00.001+00:00")
    names = [relative_path(make_record(started=text)).name for text in started]
    assert [name.split(".")[-2] for name in names] == [
        "20260304T030607089Z",
        "20260304T050607000Z",
        "20261101T000000001Z",
    ]


@pytest.mark.parametrize(
    ("checkpoint", "folder"),
    [
        ("../../etc", "etc"),
        ("..", "unnamed"),
        (".hidden", "hidden"),
        ("a/b c", "a-b-c"),
        ("tiny.in1k", "tiny.in1k"),
    ],
)
def test_no_name_leaves_the_folder(make_record: MakeRecord, checkpoint: str, folder: str) -> None:
    path = relative_path(make_record(checkpoint=checkpoint))
    assert path.parts[1] == folder
    assert len(path.parts) == 3


def test_a_long_name_still_fits_a_file_system(make_record: MakeRecord) -> None:
    record = make_record(weights="w" * 400 + ".pth")
    name = relative_path(record).name
    assert len(name.encode()) < 200
    assert name.endswith(f".{record.cell_key}.20260304T050607089Z.json")

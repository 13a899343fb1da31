"""Where records lie, and what their names tell."""

from collections.abc import Callable
from pathlib import PurePath

import pytest

from bench.spec.record import Record
from bench.store.names import key_and_time, relative_path

MakeRecord = Callable[..., Record]


def test_a_readable_path(make_record: MakeRecord) -> None:
    record = make_record()
    assert relative_path(record) == PurePath(
        "cpu-x-2-cores",
        "tiny",
        f"imagenet-224x224-fp32-throughput.{record.cell_key}.20260304T050607089Z.json",
    )


def test_the_name_tells_key_and_time(make_record: MakeRecord) -> None:
    # a slug with dots of its own
    record = make_record(weights="/some where/best.v1.2.pth")
    path = relative_path(record)
    assert path.name.startswith("imagenet-224x224-fp32-throughput-best.v1.2_weights.")
    assert key_and_time(path.name) == (record.cell_key, "20260304T050607089Z")


def test_times_are_utc_and_sort_as_text(make_record: MakeRecord) -> None:
    started = ("2026-03-04T05:06:07.089+02:00", "2026-03-04T05:06:07+00:00", "2026-11-01T00:00:00.001+00:00")
    times = [key_and_time(relative_path(make_record(started=text)).name) for text in started]
    assert [time and time[1] for time in times] == [
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
    assert key_and_time(name) == (record.cell_key, "20260304T050607089Z")


@pytest.mark.parametrize("name", ["README.md", "notes.json", "a.b", ".json"])
def test_other_files_tell_nothing(name: str) -> None:
    assert key_and_time(name) is None

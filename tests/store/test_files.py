"""Records are written once, read back whole, and refused when not understood."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from bench.spec.errors import BadRecord, UserError
from bench.spec.record import Failed, Measured, Record
from bench.store.files import Problem, Store

MakeRecord = Callable[..., Record]


def rewrite(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_record_comes_back_equal(tmp_path: Path, make_record: MakeRecord) -> None:
    store, record = Store(tmp_path), make_record()
    path = store.write(record)
    assert path.parent == tmp_path / "records" / "cpu-x-2-cores" / "tiny"
    assert store.read(path) == record
    assert [name.name for name in path.parent.iterdir()] == [path.name]


def test_a_failed_record_comes_back_equal(tmp_path: Path, make_record: MakeRecord) -> None:
    record = make_record(Failed(reason="crash", message="m", log_tail="a\nb", details={"x": [1, None]}))
    assert Store(tmp_path).read(Store(tmp_path).write(record)) == record


def test_a_record_is_never_changed(tmp_path: Path, make_record: MakeRecord) -> None:
    store = Store(tmp_path)
    path = store.write(make_record())
    before = path.read_bytes()
    with pytest.raises(UserError) as caught:
        store.write(make_record(Measured(values={"img_s": 1.0})))
    assert str(caught.value) == f"{path}: this record is already written, and records never change"
    assert path.read_bytes() == before


def test_a_number_that_is_not_finite_is_refused(tmp_path: Path, make_record: MakeRecord) -> None:
    with pytest.raises(BadRecord, match=r"outcome\.values\.img_s is nan$"):
        Store(tmp_path).write(make_record(Measured(values={"img_s": float("nan")})))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.ENOSPC, "No space left on device; free some space there"),
        (errno.EDQUOT, "Disk quota exceeded; free some space there"),
        (errno.EACCES, "Permission denied; make it writable"),
        (errno.EROFS, "Read-only file system; make it writable"),
    ],
)
def test_a_folder_that_refuses(
    tmp_path: Path,
    make_record: MakeRecord,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    text: str,
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    folder = tmp_path / "records" / "cpu-x-2-cores" / "tiny"
    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(UserError) as caught:
        Store(tmp_path).write(make_record())
    assert str(caught.value) == (
        f"{folder}: cannot write results: {text} or name another folder with --results DIR, "
        "then give the same command again"
    )
    assert list(folder.iterdir()) == []


def test_a_file_in_the_way_of_the_folder(tmp_path: Path, make_record: MakeRecord) -> None:
    (tmp_path / "records").write_text("")
    with pytest.raises(UserError, match="cannot write results: Not a directory; make it writable or"):
        Store(tmp_path).write(make_record())


def test_records_come_in_a_fixed_order(tmp_path: Path, make_record: MakeRecord) -> None:
    store = Store(tmp_path)
    made = [
        make_record(checkpoint=checkpoint, started=f"2026-03-0{day}T00:00:00+00:00", machine=machine)
        for machine in ("m2", "m1")
        for checkpoint in ("b", "a")
        for day in (2, 1)
    ]
    for record in made:
        store.write(record)
    records, problems = store.records()
    places = [(r.host.machine, r.cell.checkpoint, r.provenance.started_utc[:10]) for r in records]
    assert places == sorted(places)
    assert len(places) == 8
    assert problems == ()
    assert [r.host.machine for r in store.records("m2")[0]] == ["m2"] * 4
    assert store.records("m3") == ((), ())


def test_no_folder_yet(tmp_path: Path) -> None:
    assert Store(tmp_path / "none").records() == ((), ())
    assert Store(tmp_path / "none").history("m1") == {}


def test_a_damaged_file_is_a_problem_and_the_rest_is_read(tmp_path: Path, make_record: MakeRecord) -> None:
    store = Store(tmp_path)
    paths = [store.write(make_record(started=f"2026-03-0{day}T00:00:00+00:00")) for day in range(1, 8)]
    paths[0].write_bytes(paths[0].read_bytes()[:100])
    paths[1].write_text("")
    paths[2].write_bytes(b"\xff\xfe\x00")
    rewrite(paths[3], host=None)
    rewrite(paths[4], schema_version="one")
    paths[5].write_text(paths[5].read_text().replace("100.5", "NaN"))
    records, problems = store.records()
    assert len(records) == 1
    assert [problem.path for problem in problems] == paths[:6]
    assert [problem.message for problem in problems] == [
        "truncated or damaged: Unterminated string starting at: line 6 column 18 (char 98)",
        "truncated or damaged: Expecting value: line 1 column 1 (char 0)",
        "truncated or damaged: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        "not a record: host: Input should be a valid dictionary or instance of Host",
        "truncated or damaged: schema_version is 'one', expected a number from 1 to 2",
        "truncated or damaged: NaN is not a number",
    ]
    assert len(store.history("cpu-x-2-cores")) == 1


def test_what_is_no_record_counts_as_no_attempt_either(tmp_path: Path, make_record: MakeRecord) -> None:
    store = Store(tmp_path)
    path = store.write(make_record())
    provenance = json.loads(path.read_text())["provenance"]
    rewrite(path, provenance={**provenance, "card": None})
    assert [problem.path for problem in store.records()[1]] == [path]
    assert store.history("cpu-x-2-cores") == {}


def test_a_file_is_read_once(
    tmp_path: Path, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, opened = Store(tmp_path), list[Path]()
    read_text = Path.read_text

    def counted(path: Path, *arguments: Any, **options: Any) -> str:
        opened.append(path)
        return read_text(path, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", counted)
    paths = [store.write(make_record())]
    assert store.records() == store.records()
    store.history("cpu-x-2-cores")
    paths.append(store.write(make_record(height_px=288)))
    assert len(store.records()[0]) == len(store.history("cpu-x-2-cores")) == 2
    assert opened == paths
    # not by this bench, but whoever looks must see what is there
    paths[0].write_text("{")
    assert [problem.path for problem in store.records()[1]] == paths[:1]
    assert len(store.history("cpu-x-2-cores")) == 1


def test_a_file_that_cannot_be_opened_is_a_problem(tmp_path: Path, make_record: MakeRecord) -> None:
    store = Store(tmp_path)
    path = store.write(make_record())
    path.unlink()
    path.symlink_to(tmp_path / "gone")
    assert store.records() == ((), (Problem(path, "cannot be read: No such file or directory"),))
    with pytest.raises(BadRecord) as caught:
        store.read(path)
    assert str(caught.value) == f"{path}: cannot be read: No such file or directory"


def test_reading_one_damaged_file(tmp_path: Path, make_record: MakeRecord) -> None:
    path = Store(tmp_path).write(make_record())
    path.write_text("{")
    with pytest.raises(BadRecord, match="truncated or damaged: Expecting property name"):
        Store(tmp_path).read(path)


def test_a_newer_record_stops_every_reader(tmp_path: Path, make_record: MakeRecord) -> None:
    store = Store(tmp_path)
    path = store.write(make_record())
    rewrite(path, schema_version=3)
    message = f"{path}: written by a newer bench (schema 3, this bench reads up to 2); update the bench"
    for read in (lambda: store.read(path), store.records, lambda: store.history("cpu-x-2-cores")):
        with pytest.raises(BadRecord) as caught:
            read()
        assert str(caught.value) == message


def test_partial_files_and_notes_are_no_records(tmp_path: Path, make_record: MakeRecord) -> None:
    store = Store(tmp_path)
    path = store.write(make_record())
    path.with_name(f".{path.name}.1.partial").write_text("{")
    path.with_name(".hidden.json").write_text("{")
    path.with_name("README.md").write_text("{")
    assert store.records()[1] == ()
    assert len(store.records()[0]) == 1

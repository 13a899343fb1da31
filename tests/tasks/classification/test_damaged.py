"""Damaged images and archives: named, counted, and never replaced in silence."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.spec.errors import BadData, Incomplete
from bench.tasks.classification.accuracy import measure

if TYPE_CHECKING:
    from tests.tasks.classification.conftest import Bits, MakeJob


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def test_damaged_images_end_the_cell_and_are_named(few: Path, few_job: MakeJob) -> None:
    damage(few / "photos/val/a/a_3.JPEG")
    damage(few / "photos/val/c/c_0.JPEG")
    for batch in (1, 64):
        with pytest.raises(Incomplete) as caught:
            measure(few_job(eval_batch=batch, allowed_corrupt=1))
        assert str(caught.value).startswith(f"{few}/photos/val: 2 images cannot be decoded: a/a_3.JPEG (")
        assert ", c/c_0.JPEG (" in str(caught.value)
        assert str(caught.value).endswith(
            "). Get them again, or set limits.corrupt_images of the suite to 2 to leave them out"
        )


def test_no_more_than_twenty_are_named(few: Path, few_job: MakeJob) -> None:
    for number in range(9):
        for name in "abc":
            if (name, number) != ("a", 0):
                damage(few / f"photos/val/{name}/{name}_{number}.JPEG")
    with pytest.raises(Incomplete, match="26 images cannot be decoded") as caught:
        measure(few_job())
    assert str(caught.value).count(".JPEG (") == 20
    assert "), .... Get them again" in str(caught.value)


def test_tolerated_images_are_left_out_and_reported(bits: Bits, few: Path, few_job: MakeJob) -> None:
    whole = measure(few_job()).measured
    damage(few / "photos/val/a/a_3.JPEG")
    measured = measure(few_job(allowed_corrupt=1, loader_workers=2, eval_batch=4)).measured
    assert measured.flags == ("corrupt_excluded",)
    assert measured.values["images"] == 26
    assert measured.details["corrupt_images"] == 1
    assert measured.details["corrupt"] == ["a/a_3.JPEG"]
    expected = bits(whole, "correct_top5_bits")[:27]
    del expected[3]
    assert bits(measured, "correct_top5_bits")[:26] == expected


def test_a_folder_of_damaged_images_is_bad_data(few: Path, few_job: MakeJob) -> None:
    for path in few.rglob("*.JPEG"):
        path.write_text("not an image")
    with pytest.raises(
        BadData, match=r"none of 8 sampled images can be decoded .*a/a_0\.JPEG: cannot identify"
    ):
        measure(few_job())


def test_truncated_tar(few: Path, few_job: MakeJob) -> None:
    path = few / "photos" / "val.tar"
    with tarfile.open(path, "w") as tar:
        tar.add(few / "photos" / "val", "val")
    (few / "photos" / "val").rename(few / "elsewhere")
    content = path.read_bytes()
    # in the middle of an image, and between two
    for length in (len(content) // 2 + 100, len(content) // 2 // 512 * 512):
        path.write_bytes(content[:length])
        with pytest.raises(
            BadData, match=r"val\.tar (cannot be read as tar|holds \d+ images|has \d classes)"
        ):
            measure(few_job())
    path.write_bytes(b"")
    with pytest.raises(BadData, match=r"val\.tar cannot be read as tar \(ReadError: empty file\)"):
        measure(few_job())

"""Published speed and memory give a ratio and a list of differences, never a verdict."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from bench.catalog.reported import Reported
from bench.compare.ratio import ratios, same_gpu
from bench.spec.record import Failed, Record

MakeRecord = Callable[..., Record]
MakeReported = Callable[..., Reported]
SPEED = {"metric": "throughput_img_s", "text": "2000", "unit": "img/s"}


def test_everything_equal_is_the_same_class(record: MakeRecord, row: MakeReported) -> None:
    timed = record("throughput", {"throughput_img_s": 3000.0}, batch=128)
    stated = {"precision": "fp32", "batch": 128, "mode": "eager", "memory_format": "contiguous"}
    (found,) = ratios(timed, (row(**SPEED, **stated, hardware="H100 + EPYC 7542", protocol="house"),))
    assert (found.ratio, found.differs, found.unstated, found.same_class) == (Decimal("1.5"), (), (), True)


def test_differences_and_silence_are_listed_apart(record: MakeRecord, row: MakeReported) -> None:
    timed = record("throughput", {"throughput_img_s": 3000.0}, batch=128, mode="compiled")
    published = row(**SPEED, hardware="RTX 4090", precision="amp_fp16", batch=256, mode="eager")
    (found,) = ratios(timed, (published,))
    assert found.differs == ("GPU (RTX 4090)", "precision (amp_fp16)", "batch (256)", "mode (eager)")
    assert found.unstated == ("layout", "protocol")
    assert not found.same_class


def test_the_largest_batch_is_the_one_that_was_found(record: MakeRecord, row: MakeReported) -> None:
    timed = record("throughput", {"throughput_img_s": 3000.0, "batch_images": 512}, batch="max")
    (found,) = ratios(timed, (row(**SPEED, batch=512),))
    assert "batch" not in " ".join(found.differs)


def test_memory_is_compared_in_the_printed_unit(record: MakeRecord, row: MakeReported) -> None:
    used = record("memory", {"peak_allocated_bytes": 3 * 2**30})
    (found,) = ratios(used, (row(metric="peak_allocated_bytes", text="1536.0", unit="MB"),))
    assert found.ratio == 2


def test_a_failed_cell_has_no_ratio(record: MakeRecord, row: MakeReported) -> None:
    assert ratios(record("throughput", outcome=Failed(reason="crash", message="no")), (row(**SPEED),)) == ()


@pytest.mark.parametrize(
    ("printed", "found", "same"),
    [
        ("A100", "NVIDIA A100-SXM4-80GB", True),
        ("A100 + EPYC 7542", "NVIDIA A100-SXM4-80GB", True),
        ("A100", "NVIDIA H100 80GB HBM3", False),
        ("RTX 4090", "NVIDIA GeForce RTX 4090", True),
        ("RTX 4090", "NVIDIA GeForce RTX 4090 Laptop GPU", False),
        ("RTX 3090", "NVIDIA GeForce RTX 3090 Ti", False),
        ("RTX PRO 6000 Max-Q", "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", True),
        ("V100", None, False),
        ("", "NVIDIA A100-SXM4-80GB", False),
    ],
)
def test_gpu_names(printed: str, found: str | None, same: bool) -> None:
    assert same_gpu(printed, found) is same

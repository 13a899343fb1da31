"""The largest batch is predicted from two points, verified once, and never found by crashing."""

from collections.abc import Callable
from typing import Any

import pytest
from torch import nn

from bench.probes import process
from bench.spec.errors import CellError
from bench.spec.job import Job
from bench.tasks.speed.batch import BOUNDS, Bounds, Line, ResolvedBatch, resolve_batch, search

MakeJob = Callable[..., Job]
GPU = Bounds(share=0.9, second=64, largest=4096)
MIB = 2**20


class Device:
    """A device with so many bytes whose peaks follow a rule; it fails as a real one does."""

    def __init__(self, memory: int, peak: Callable[[int], int]) -> None:
        self.memory, self.peak = memory, peak
        self.asked: list[int] = []

    def __call__(self, images: int) -> int:
        self.asked.append(images)
        if self.peak(images) > self.memory:
            raise MemoryError
        return self.peak(images)


def straight(images: int) -> int:
    return 100 * MIB + 8 * MIB * images


def test_a_line_through_two_points() -> None:
    line = Line.through((4, 132), (64, 612), 1.0)
    assert (line.fixed_bytes, line.bytes_per_image) == (100.0, 8.0)
    assert line.at(1000) == 8100.0


@pytest.mark.parametrize(
    ("limit", "largest"), [(8100, 1000), (8099, 992), (163, 7), (164, 8), (10**9, 4096), (108, 1)]
)
def test_the_largest_batch_is_a_multiple_of_eight(limit: int, largest: int) -> None:
    assert Line(100.0, 8.0).largest(limit, 4096) == largest


def test_points_that_do_not_rise_get_the_least_slope() -> None:
    line = Line.through((4, 640), (64, 612), 2.0)
    assert (line.fixed_bytes, line.bytes_per_image) == (484.0, 2.0)
    assert line.at(64) == 612.0


def test_two_points_and_one_verification() -> None:
    device = Device(10_000 * MIB, straight)
    found = search(device, 10_000 * MIB, GPU, MIB)
    assert device.asked == [4, 64, 1112]
    # (0.9 * 10000 - 100) / 8 = 1112.5
    assert found.images == 1112
    assert found.flags == ()
    assert found.details == {
        "batch_search_limit_bytes": 9_000 * MIB,
        "batch_search_points": [[4, 132 * MIB], [64, 612 * MIB]],
        "batch_search_predicted_bytes": 8_996 * MIB,
        "batch_search_verified_bytes": 8_996 * MIB,
    }


def test_a_small_device_gets_a_smaller_second_point() -> None:
    device = Device(300 * MIB, straight)
    found = search(device, 300 * MIB, GPU, MIB)
    # even in proportion, 8 images take 264 of the 270 MiB that may be used
    assert device.asked == [4, 8, 16]
    assert found.images == 16


def test_a_peak_that_bends_upwards_shrinks_the_batch_and_is_flagged() -> None:
    def bending(images: int) -> int:
        return straight(images) + (500 * MIB if images > 64 else 0)

    found = search(Device(10_000 * MIB, bending), 10_000 * MIB, GPU, MIB)
    assert found.flags == ("batch_not_verified",)
    assert found.images == 1048
    assert straight(found.images) + 500 * MIB <= 9_000 * MIB
    assert found.details["batch_search_verified_bytes"] == 9_496 * MIB


def test_a_verification_that_runs_out_of_memory_takes_a_quarter_off() -> None:
    def gaps(images: int) -> int:
        return straight(images) * (1 if images <= 64 else 2)

    found = search(Device(10_000 * MIB, gaps), 10_000 * MIB, GPU, MIB)
    assert (found.images, found.flags) == (832, ("batch_not_verified",))
    assert found.details["batch_search_verified_bytes"] is None


def test_a_huge_device_ends_at_the_upper_bound() -> None:
    found = search(Device(10**15, straight), 10**15, GPU, MIB)
    assert (found.images, found.flags) == (4096, ("batch_at_upper_bound",))


def test_no_room_to_search_is_said_plainly() -> None:
    device = Device(150 * MIB, straight)
    with pytest.raises(CellError) as caught:
        search(device, 150 * MIB, GPU, MIB)
    assert device.asked == [4]
    assert str(caught.value) == (
        "no room to search for the largest batch: 4 images take 138,412,032 bytes of the 141,557,760 "
        "that may be used; give `batch` as a number"
    )


def test_a_given_batch_is_taken_as_it_is(make_job: MakeJob, tiny: nn.Module) -> None:
    assert resolve_batch(make_job(batch=24), tiny) == ResolvedBatch(24)


@pytest.mark.timing
def test_the_search_on_a_cpu_measures_this_process(
    make_job: MakeJob, tiny: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "available_bytes", lambda: 4 * 2**30)
    found = resolve_batch(make_job(batch="max", height_px=512, width_px=512), tiny)
    assert found.details["batch_search_limit_bytes"] == pytest.approx(BOUNDS["cpu"].share * 4 * 2**30)
    points: Any = found.details["batch_search_points"]
    (first, few), (second, more) = points
    assert (first, second) == (4, 16)
    # two input buffers of 3 x 512 x 512 floats per image are the least a batch can take; what is loaded
    # once counts for whichever batch comes first, so the two are not subtracted
    image_bytes = 2 * 3 * 512 * 512 * 4
    assert few >= 4 * image_bytes
    assert more >= 16 * image_bytes
    assert 16 < found.images <= BOUNDS["cpu"].largest
    assert next(tiny.parameters()).dtype.itemsize == 4

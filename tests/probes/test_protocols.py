"""The shipped protocols say what their sources do."""

import pytest

from bench.catalog import read
from bench.spec.protocol import Protocol, TimingSteps, TimingWindows, WarmupConvergence, WarmupSteps

PROTOCOLS = read.protocols()


def steps(protocol: Protocol) -> tuple[object, object]:
    return protocol.warmup, protocol.timing


def test_timm() -> None:
    timm = PROTOCOLS["timm"]
    assert steps(timm) == (WarmupSteps(steps=10), TimingSteps(steps=40, synchronise="step"))
    assert timm.batch_images["cuda"] == 256
    assert timm.tf32_flags("amp_fp16") == (True, True)
    assert (timm.cudnn_benchmark, timm.cudnn_deterministic) == (True, False)
    assert timm.precisions[0] == "amp_fp16"


def test_vmamba() -> None:
    vmamba = PROTOCOLS["vmamba"]
    assert steps(vmamba) == (WarmupSteps(steps=50), TimingSteps(steps=30, synchronise="once"))
    assert vmamba.batch_images["cuda"] == 128
    assert vmamba.tf32_flags("fp32") == (False, True)
    assert (vmamba.cudnn_benchmark, vmamba.cudnn_deterministic) == (True, True)
    assert vmamba.precisions[0] == "fp32"


def test_localmamba() -> None:
    localmamba = PROTOCOLS["localmamba"]
    assert steps(localmamba) == (WarmupSteps(steps=100), TimingSteps(steps=1000, synchronise="once"))
    assert localmamba.batch_images["cuda"] == 128
    assert localmamba.tf32_flags("fp32") == (False, True)
    assert (localmamba.cudnn_benchmark, localmamba.cudnn_deterministic) == (True, False)
    assert localmamba.precisions[0] == "fp32"


@pytest.mark.parametrize("key", ["timm", "vmamba", "localmamba"])
def test_published_scripts_average_by_the_wall_over_one_input(key: str) -> None:
    protocol = PROTOCOLS[key]
    assert (protocol.timer, protocol.statistic, protocol.input_buffers) == ("wall_clock", "mean", 1)


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=lambda protocol: protocol.key)
def test_every_protocol_names_its_source_and_how_it_differs(protocol: Protocol) -> None:
    assert protocol.summary.endswith(".")
    assert protocol.source
    assert all(text.endswith(".") for text in protocol.deviations)
    assert bool(protocol.deviations) == (protocol.key != "house")


def test_a_cell_of_the_house_takes_seconds() -> None:
    house = PROTOCOLS["house"]
    assert isinstance(house.warmup, WarmupConvergence)
    assert isinstance(house.timing, TimingWindows)
    least_s = house.warmup.min_s + house.timing.min_windows * house.timing.window_s
    assert 3.0 <= least_s <= 6.0
    assert house.timing.min_windows * house.timing.window_s > 2.0, "energy needs more than two seconds"
    assert house.timing.min_windows >= 10
    assert house.input_buffers == 2

"""What must be equal before two figures are put side by side, and what is not, in words."""

from __future__ import annotations

from collections.abc import Mapping

from bench.spec.cell import Measure, digest
from bench.spec.record import Host, Record

Condition = str | float | int | None


def conditions(host: Host, measure: Measure) -> dict[str, Condition]:
    """Return by name what of a machine and its software can move a figure of this measure.

    With one image the GPU mostly waits for the host to launch its kernels, so latency and FPS are figures
    of the CPU and of Python too. Parameters and MACs hang on the software alone.
    """
    if measure == "complexity":
        return {"torch": host.torch, "timm": host.timm, "fvcore": host.packages.get("fvcore")}
    return {
        "device": host.device,
        "GPU": host.gpu,
        "power limit (W)": host.gpu_power_limit_w,
        "driver": host.driver,
        "torch": host.torch,
        "CUDA": host.cuda,
        "cuDNN": host.cudnn,
        "triton": host.triton,
        "timm": host.timm,
        **_of_the_host(host, measure),
        **_of_openmmlab(host, measure),
    }


def comparability_class(record: Record) -> str:
    """Return twelve hex digits that are equal where figures may be put side by side.

    They follow machine, software, setting and how the figure was taken, never the model, its input
    or the date.
    """
    cell = record.cell
    if cell.portable:
        return digest(conditions(record.host, cell.measure))
    setting: Mapping[str, Condition] = {
        "protocol": record.provenance.protocol.content_digest,
        "precision": cell.precision,
        "layout": cell.memory_format,
        "mode": cell.mode,
        "batch": cell.batch,
        **_of_a_part(cell.measure),
    }
    return digest({**conditions(record.host, cell.measure), **setting, **_taken(record)})


def differences(one: Host, other: Host, measure: Measure) -> tuple[str, ...]:
    """Say what sets two machines apart for this measure: `torch 2.11.0 against 2.14.1`; empty where nothing.

    What is unknown (None) differs from what is known. Who knows only a part of this machine asks
    with a copy of the recorded host in which that part is replaced.
    """
    return _unequal(conditions(one, measure), conditions(other, measure))


def apart(one: Record, other: Record) -> tuple[str, ...]:
    """Say what sets two records of one cell apart: their machines, and how the figures were taken."""
    return differences(one.host, other.host, one.cell.measure) + _unequal(_taken(one), _taken(other))


def named(name: str, value: Condition) -> str:
    """Write one condition: `driver 580.1`, `triton unknown`."""
    return f"{name} {_shown(value)}"


def _taken(record: Record) -> dict[str, Condition]:
    """Return what torch had set where the bench and not the protocol decides; None where unrecorded."""
    switches = record.provenance.switches
    names = {"cuDNN search": "cudnn_benchmark", "deterministic cuDNN": "cudnn_deterministic"}
    known = {name: switches.get(switch) for name, switch in names.items()}
    return {name: None if on is None else "on" if on else "off" for name, on in known.items()}


def _of_the_host(host: Host, measure: Measure) -> dict[str, Condition]:
    one_image = measure in {"latency", "fps"}
    if host.device == "cuda" and not one_image:
        return {}
    cpu: dict[str, Condition] = {"CPU": host.cpu, "CPU cores": host.cpu_count}
    return {**cpu, "Python": host.python} if one_image else cpu


def _of_openmmlab(host: Host, measure: Measure) -> dict[str, Condition]:
    """Return who computes the heads and the post-processing of a detector or segmentor."""
    if measure != "fps":
        return {}
    names = ("torchvision", "mmcv", "mmcv-lite", "mmdet", "mmsegmentation")
    return {name: host.packages.get(name) for name in names}


def _of_a_part(measure: Measure) -> dict[str, Condition]:
    """Tell images per second of a detector, or of a backbone alone, from those of a classifier."""
    return {"measure": measure} if measure in {"fps", "backbone_throughput"} else {}


def _unequal(first: Mapping[str, Condition], second: Mapping[str, Condition]) -> tuple[str, ...]:
    names = [name for name in {**first, **second} if first.get(name) != second.get(name)]
    return tuple(f"{name} {_shown(first.get(name))} against {_shown(second.get(name))}" for name in names)


def _shown(value: Condition) -> str:
    if value is None:
        return "unknown"
    return f"{value:g}" if isinstance(value, float) else str(value)

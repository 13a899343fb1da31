"""A canned suite with one record of every kind, and the rows it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bench.catalog import read
from bench.catalog.reported import Reported
from bench.report.markdown import report
from bench.spec.cell import Cell, Measure
from bench.spec.record import Failed, Host, Measured, Outcome, Record
from tests.records import GPU_BOX, NIGHT, make_cell, make_record, make_reported, scored

LAPTOP = Host(
    machine="laptop",
    device="cpu",
    cpu="Intel Core Ultra 7",
    cpu_count=16,
    os="Linux 6.8",
    python="3.12.3",
    torch="2.11.0",
    timm="1.0.29",
)


# Canned, so that an edited protocol or a new reported number leaves the golden report alone.
PROTOCOL_DIGEST = "0123456789ab"
PROTOCOL = read.protocols()["house"].model_copy(
    update={
        "version": 1,
        "summary": "Median over windows of steps, timed by CUDA events.",
        "source": "bench/probes/README.md",
        "deviations": ("inputs are random instead of real images",),
    }
)


def row(checkpoint: str, metric: str, text: str, unit: str, **fields: Any) -> Reported:
    place = {"source": "owner/repo:README.md", "source_version": "9f2f234", "where": "Models table"}
    named = {"id": f"row-{len(text)}", "metric": metric, "text": text, "unit": unit}
    return make_reported(checkpoint, **(named | place | fields))


PAPER = {"source": "A paper (arXiv 2401.00001)", "source_version": None, "where": "Table 1"}
LOG = {"source": "owner/repo:logs/speed.csv", "source_version": "1dcb202", "where": None}
ROWS = (
    row("mambaout_tiny", "top1_percent", "82.7", "%", crop_pct="1.0"),
    row("mambaout_tiny", "top1_percent", "82.30", "%", label="MambaOut-T | v1", variant="first", **PAPER),
    row("mambaout_tiny", "params", "26.5", "M"),
    row("mambaout_tiny", "params", "27", "M", **PAPER),
    row("mambaout_tiny", "macs", "4.5", "G"),
    row("swin_tiny", "top1_percent", "81.2", "%", crop_pct="0.875", note="own evaluation code"),
    row("swin_tiny", "top1_percent", "81.388", "%", crop_pct="0.900", **LOG),
    row("swin_tiny", "top5_percent", "95.5", "%", crop_pct="0.875"),
    row("swin_tiny", "params", "29", "M", **PAPER),
    row("swin_tiny", "macs", "4.51", "G"),
    row("deit_small", "top1_percent", "79.9", "%"),
    row("convnext_tiny", "top1_percent", "82.1", "%", crop_pct="0.875"),
    row("mobilenetv3_small", "top1_percent", "67.7", "%"),
    row(
        "mambaout_tiny",
        "throughput_img_s",
        "6571.71",
        "img/s",
        hardware="RTX 4090",
        precision="amp_fp16",
        batch=1024,
        mode="compiled",
        memory_format="contiguous",
        note="torch 2.9.1",
        **LOG,
    ),
    row("mambaout_tiny", "throughput_img_s", "3965", "img/s", precision="amp_fp16", mode="eager", **LOG),
    row("mambaout_tiny", "throughput_img_s", "2500", "img/s", hardware="H100", precision="fp32", **PAPER),
    row("mambaout_tiny", "peak_allocated_bytes", "1368.0", "MB", hardware="A100", precision="fp32", **LOG),
)


class Night:
    """Collects planned cells and their records."""

    def __init__(self) -> None:
        self.rows: tuple[Reported, ...] = ROWS
        self.cells: list[Cell] = []
        self.records: list[Record] = []

    def plan(self, checkpoint: str, measure: Measure, **fields: Any) -> Cell:
        batch = 128 if measure in ("throughput", "memory") else 1
        usual: dict[str, Any] = {"protocol_digest": PROTOCOL_DIGEST, "batch": batch}
        cell = make_cell(checkpoint, measure, **(usual | fields))
        if cell not in self.cells:
            self.cells.append(cell)
        return cell

    def add(
        self,
        checkpoint: str,
        measure: Measure,
        outcome: Outcome | Mapping[str, float],
        *,
        host: Host = GPU_BOX,
        at: str = NIGHT,
        flags: tuple[str, ...] = (),
        provenance: Mapping[str, object] | None = None,
        **fields: Any,
    ) -> Record:
        cell = self.plan(checkpoint, measure, **fields)
        ended = Measured(values=dict(outcome), flags=flags) if isinstance(outcome, Mapping) else outcome
        fingerprint = "0f1e2d3c4b5a" if measure == "accuracy" else None
        source = {"protocol": PROTOCOL, "data_fingerprint": fingerprint, **(provenance or {})}
        record = make_record(cell, ended, at=at, host=host, provenance=source)
        self.records.append(record)
        return record

    def markdown(self, reported: tuple[Reported, ...] = ROWS) -> str:
        return report("imagenet", "Leaderboard of vision backbones.", self.cells, self.records, reported)


def accuracy(top1: int, top5: int, images: int = 50_000) -> dict[str, float]:
    values: dict[str, float] = {"images": images, "top1_correct": top1, "top5_correct": top5}
    for name, correct in (("top1", top1), ("top5", top5)):
        share = correct / images
        values[f"{name}_percent"] = 100 * correct / images
        values[f"{name}_stderr_percent"] = 100 * (share * (1 - share) / images) ** 0.5
    return values


def throughput(img_s: float, iqr: float = 0.004, **more: float) -> dict[str, float]:
    step_s = 128 / img_s
    values = {"throughput_img_s": img_s, "step_s": step_s, "step_iqr_s": iqr * step_s, "batch_images": 128}
    return {**values, "energy_j_per_image": 600 / img_s, **more}


def memory(mib: int) -> Measured:
    values = {
        "peak_allocated_bytes": mib * 2**20,
        "peak_reserved_bytes": (mib + 300) * 2**20,
        "peak_device_bytes": (mib + 900) * 2**20,
    }
    return Measured(values=values, details={"device_readings": 40})


@pytest.fixture
def night() -> Night:
    """Return an empty suite."""
    return Night()


@pytest.fixture
def full_night() -> Night:
    """Return a suite with a record of every kind."""
    return full()


def full() -> Night:
    made = Night()
    _accuracies(made)
    _complexities(made)
    _speeds(made)
    _troubles(made)
    _pairs(made)
    small: dict[str, Any] = {"device": "cpu", "height_px": 160, "width_px": 160}
    made.add("mambaout_tiny", "latency", {"latency_s": 0.0412}, host=LAPTOP, **small)
    return made


def _accuracies(made: Night) -> None:
    made.add("mambaout_tiny", "accuracy", accuracy(40_000, 47_000), at="2026-05-01T01:00:00.000+00:00")
    made.add("mambaout_tiny", "accuracy", accuracy(41_371, 48_070))
    made.add("swin_tiny", "accuracy", accuracy(40_510, 47_750))
    made.add("deit_small", "accuracy", accuracy(39_650, 47_400), precision="amp_bf16")
    made.add("convnext_tiny", "accuracy", accuracy(380, 470, 500), flags=("partial",), limit_images=500)
    made.add("mobilenetv3_small", "accuracy", accuracy(55, 270), weights="random")
    made.add("resnet18", "accuracy", accuracy(34_880, 44_540))


def _pairs(made: Night) -> None:
    earlier, tiny, small = (
        scored("".join("1" * right + "0" * wrong for right, wrong in runs))
        for runs in (
            ((7_000, 3_000),),
            ((6_990, 10), (20, 2_980)),
            ((6_900, 100), (300, 2_700)),
        )
    )
    made.add("mambaout_tiny", "accuracy", earlier, at="2026-05-01T01:00:00.000+00:00", task="imagenet_v2")
    made.add("mambaout_tiny", "accuracy", tiny, task="imagenet_v2")
    made.add("mambaout_small", "accuracy", small, task="imagenet_v2")


def _complexities(made: Night) -> None:
    counts = {
        "macs_fvcore": 4_486_000_000,
        "macs_dispatcher": 4_470_000_000,
        "macs_disagreement_percent": 0.36,
    }
    made.add("mambaout_tiny", "complexity", {"params": 26_545_096, "macs": 4_486_000_000, **counts})
    counts = {
        "macs_fvcore": 4_370_000_000,
        "macs_dispatcher": 4_510_000_000,
        "macs_disagreement_percent": 3.2,
    }
    counts |= {"params": 28_288_354, "macs": 4_370_000_000, "macs_performed": 4_510_000_000}
    named = {"formula_name": "Swin's counter"}  # older records, as the one above, do not say
    made.add("swin_tiny", "complexity", Measured(values=counts, details=named))


def _speeds(made: Night) -> None:
    made.add("mambaout_tiny", "throughput", throughput(2643.4), provenance={"git_dirty": True})
    made.add("mambaout_tiny", "latency", {"latency_s": 0.00412})
    made.add("mambaout_tiny", "memory", memory(2736))
    compiled = throughput(9123.0, 0.02, compile_s=41.3, graph_breaks=0, output_rel_error=0.0021)
    fast: dict[str, Any] = {"precision": "amp_fp16", "mode": "compiled", "memory_format": "channels_last"}
    made.add("mambaout_tiny", "throughput", compiled, flags=("not_converged", "cpu_bound"), **fast)
    made.add("swin_tiny", "throughput", throughput(1250.0))


def _troubles(made: Night) -> None:
    missing = Failed(reason="missing_weights", message="No weights of VMamba | put them in WEIGHTS.")
    made.add("convnext_small", "accuracy", missing)
    made.add("convnext_base", "accuracy", missing)
    too_big = Failed(reason="out_of_memory", message="Batch 128 does not fit; lower `batch`.")
    made.add("convnext_base", "throughput", too_big)
    made.add("swin_tiny", "throughput", too_big, at="2026-05-03T01:00:00.000+00:00")
    made.plan("resnet50", "accuracy")
    made.plan("resnet50", "throughput")

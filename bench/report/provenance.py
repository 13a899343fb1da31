"""Where the figures of a section come from: machine, software, code, protocols, data, dates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from bench.report.choose import Section
from bench.report.grid import escape
from bench.spec.record import Host, Record


def provenance(section: Section) -> tuple[str, ...]:
    """Return bullets with every distinct value of the machine's own records, in the order of first use."""
    records = [record for record in section.records if record.host.machine == section.machine]
    facts = (
        ("GPU", _distinct(records, lambda record: _gpu(record.host))),
        ("CPU", _distinct(records, lambda record: f"{record.host.cpu}, {record.host.cpu_count} logical")),
        ("System", _distinct(records, lambda record: record.host.os)),
        ("Software", _distinct(records, lambda record: _software(record.host))),
        ("Bench", _distinct(records, _bench)),
        ("Suite", _distinct(records, lambda record: record.provenance.suite)),
        ("Data", _distinct(records, _data)),
        ("Measured", (_dates(records),)),
    )
    found = [f"- {name}: {'; '.join(map(escape, values))}" for name, values in facts if values]
    return (*found, *_protocols(records))


def _distinct(records: Iterable[Record], text: Callable[[Record], str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found for record in records if (found := text(record))))


def _gpu(host: Host) -> str | None:
    if host.gpu is None:
        return None
    parts = [host.gpu]
    if host.gpu_memory_bytes is not None:
        parts.append(f"{host.gpu_memory_bytes / 2**30:.1f} GiB")
    if host.gpu_power_limit_w is not None:
        parts.append(f"power limit {host.gpu_power_limit_w:g} W")
    if host.driver is not None:
        parts.append(f"driver {host.driver}")
    return ", ".join(parts)


def _software(host: Host) -> str:
    versions = (
        ("Python", host.python),
        ("torch", host.torch),
        ("CUDA", host.cuda),
        ("cuDNN", host.cudnn),
        ("triton", host.triton),
        ("timm", host.timm),
    )
    return ", ".join(f"{name} {version}" for name, version in versions if version is not None)


def _bench(record: Record) -> str:
    source = record.provenance
    commit = "commit unknown" if source.git_commit is None else f"commit {source.git_commit[:12]}"
    return f"{source.bench_version}, {commit}{' with uncommitted changes' if source.git_dirty else ''}"


def _data(record: Record) -> str | None:
    fingerprint = record.provenance.data_fingerprint
    return None if fingerprint is None else f"{record.provenance.task.label}, fingerprint {fingerprint}"


def _dates(records: Sequence[Record]) -> str:
    moments = sorted(datetime.fromisoformat(record.provenance.started_utc) for record in records)
    first, last = (f"{moment:%Y-%m-%d %H:%M}" for moment in (moments[0], moments[-1]))
    return f"{first} UTC" if first == last else f"{first} to {last} UTC"


def _protocols(records: Sequence[Record]) -> Iterator[str]:
    used = {record.cell.protocol_digest: record.provenance.protocol for record in records}
    for digest, protocol in used.items():
        yield f"- Protocol {protocol.key}, version {protocol.version} ({digest}): {escape(protocol.summary)}"
        for deviation in protocol.deviations:
            yield f"  - deviates from {escape(protocol.source)}: {escape(deviation)}"

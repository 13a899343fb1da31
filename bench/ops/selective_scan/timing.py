"""Time work on a CUDA device: median over replays of a graph, and the bandwidth of a plain copy."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

import torch

_REPLAYS = 20
_COPY_BYTES = 1 << 30


def median_ms(calls: Sequence[Callable[[], object]], repeats: int = 2) -> float:
    """Return milliseconds per call: the calls, `repeats` times over, are captured once and replayed.

    Give calls on different operands, together larger than the cache. Replays take no time on the host,
    so that short kernels are not waited for.
    """
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for call in calls:
            call()
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        for _ in range(repeats):
            for call in calls:
                call()
    for _ in range(3):
        graph.replay()
    events = [
        (torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(_REPLAYS)
    ]
    for start, end in events:
        start.record()
        graph.replay()
        end.record()
    torch.cuda.synchronize()
    replay_ms: float = statistics.median(start.elapsed_time(end) for start, end in events)
    return replay_ms / (repeats * len(calls))


def copy_bandwidth() -> float:
    """Return GB/s, bytes read plus bytes written, of a device-to-device copy of 1 GiB."""
    source = torch.randint(0, 255, (_COPY_BYTES,), dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return 2 * _COPY_BYTES / median_ms([lambda: target.copy_(source)]) / 1e6

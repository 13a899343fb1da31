"""Memory of this process: its peak since a moment, and what the machine has left for it."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import psutil

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
CGROUP = Path("/sys/fs/cgroup")
# to `clear_refs`, this value means: let the peak start again from the present size
RESET_PEAK = "5"


def resident_bytes() -> int:
    """Return the resident size of this process now."""
    return int(psutil.Process().memory_info().rss)


def reset_peak() -> bool:
    """Let the peak start again from the present size; False where the system cannot do that."""
    try:
        CLEAR_REFS.write_text(RESET_PEAK, encoding="ascii")
    except OSError:
        return False
    return True


def peak_bytes() -> int:
    """Return the largest resident size since the last `reset_peak`, else since the process began."""
    try:
        lines = STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return _lifetime_peak_bytes()
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    return kilobytes[0] * 1024 if kilobytes else _lifetime_peak_bytes()


def available_bytes() -> int:
    """Return the memory this process can still take: of the machine, and of its container."""
    free = int(psutil.virtual_memory().available)
    try:
        limit = (CGROUP / "memory.max").read_text(encoding="ascii").strip()
        used = int((CGROUP / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return free
    return free if limit == "max" else max(0, min(free, int(limit) - used))


def _lifetime_peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024

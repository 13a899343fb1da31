"""Instruments: clocks, memory counters, NVML, the host's facts, torch's switches."""

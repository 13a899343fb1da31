"""Throughput, latency and memory of one forward pass."""

"""Benchmark suite and leaderboard reproducer for vision backbones."""

__version__ = "0.1.0"

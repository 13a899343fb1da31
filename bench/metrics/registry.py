"""All metrics by name, found by listing this folder."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType

import bench.metrics
from bench.metrics.metric import Metric
from bench.spec.errors import UnknownName


@cache
def metrics() -> Mapping[str, Metric]:
    """Return every metric of every module here that defines `METRICS`, in the order of the files.

    Raises `ValueError` for a name that two metrics share.
    """
    found: dict[str, Metric] = {}
    for module in pkgutil.iter_modules(bench.metrics.__path__):
        for metric in getattr(import_module(f"bench.metrics.{module.name}"), "METRICS", ()):
            if metric.name in found:
                raise ValueError(f"two metrics are called {metric.name!r}")
            found[metric.name] = metric
    return MappingProxyType(found)


def metric_named(name: str) -> Metric:
    """Return the metric of this name; raises `UnknownName` with the nearest one."""
    try:
        return metrics()[name]
    except KeyError:
        raise UnknownName("metric", name, metrics()) from None

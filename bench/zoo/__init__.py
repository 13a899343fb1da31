"""From a card to a loaded network, whoever builds it."""

from bench.zoo.loading import Loaded, build, load

__all__ = ["Loaded", "build", "load"]

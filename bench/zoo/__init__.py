"""From a card to a loaded network, whoever builds it."""

from bench.zoo.loading import Loaded, build, load, load_for

__all__ = ["Loaded", "build", "load", "load_for"]

"""From a card to a loaded network, whoever builds it."""

from bench.zoo.contract import Choices
from bench.zoo.loading import Loaded, build, load

__all__ = ["Choices", "Loaded", "build", "load"]

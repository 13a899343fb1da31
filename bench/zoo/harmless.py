"""The types that a checkpoint may hold besides tensors, each with what stands in for it.

`torch.load(weights_only=True)` refuses every type that is not named to it, so that a file cannot make
it run code. Training scripts leave more than tensors in their files, but nobody reads that here: so
none of those types is let in itself, and none of the packages that wrote them is needed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

Named = tuple[Callable[..., object], str]


class Inert:
    """Stands in for an object: takes any arguments and any state, keeps nothing and does nothing."""

    def __init__(self, *_arguments: object) -> None:
        pass

    def __setstate__(self, _state: object) -> None:
        pass


def plain_dict(*_factory: object) -> dict[object, object]:
    """Stand in for `collections.defaultdict`, without what it makes of keys that are not there."""
    return {}


INERT = (
    "argparse.Namespace",
    # logs of OpenMMLab, which refer to their class's functions; what is taken out of an object is inert too
    "mmengine.logging.history_buffer.HistoryBuffer",
    "builtins.getattr",
    # scalars, arrays and their types; numpy moved the functions that make them
    "numpy.ndarray",
    "numpy.dtype",
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
    # Python 3.13 renamed the module for a while
    *(
        f"{module}.{pure}{system}Path"
        for module in ("pathlib", "pathlib._local")
        for pure in ("", "Pure")
        for system in ("Posix", "Windows")
    ),
    # what a defaultdict calls for keys that are not there
    *(f"builtins.{name}" for name in ("list", "dict", "int", "float")),
)

MAPPINGS = (
    # configurations of VMamba and of OpenMMLab; the unpickler fills mappings of known types only
    "yacs.config.CfgNode",
    "mmengine.config.config.ConfigDict",
)

HARMLESS: tuple[Named, ...] = (
    *((Inert, name) for name in INERT),
    *((OrderedDict, name) for name in MAPPINGS),
    (plain_dict, "collections.defaultdict"),
)
"""What `torch.serialization.safe_globals` takes: a stand-in and the name it stands in for."""

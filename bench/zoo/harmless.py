"""The types that a checkpoint may hold besides tensors, each with what stands in for it.

`torch.load(weights_only=True)` refuses every type that is not named to it, so that a file cannot make
it run code. Training scripts leave more than tensors in their files; what is named here is either
plain data or replaced by it, and needs none of the packages that wrote it.
"""

from __future__ import annotations

import argparse
import collections
import pathlib
from collections.abc import Callable
from typing import cast

import numpy as np

Named = tuple[Callable[..., object], str]


class Inert:
    """Stands in for an object that nobody reads here; it takes any state and does nothing."""


def plain_dict(*_factory: object) -> dict[object, object]:
    """Stand in for `collections.defaultdict`, without what it makes of keys that are not there."""
    return {}


# numpy's own helpers moved between versions and are private, so they are taken from an example
_SCALAR = cast(Callable[..., object], np.float64(0).__reduce__()[0])
_ARRAY = cast(Callable[..., object], np.zeros(1).__reduce__()[0])
_KINDS = "?bhilqBHILQefd"

HARMLESS: tuple[Named, ...] = (
    (argparse.Namespace, "argparse.Namespace"),
    # mappings that behave like ordered ones: configurations of VMamba and of OpenMMLab
    (collections.OrderedDict, "yacs.config.CfgNode"),
    (collections.OrderedDict, "mmengine.config.config.ConfigDict"),
    (plain_dict, "collections.defaultdict"),
    *((kind, f"builtins.{kind.__name__}") for kind in (list, dict, int, float)),
    # logs of OpenMMLab
    (Inert, "mmengine.logging.history_buffer.HistoryBuffer"),
    *((_SCALAR, f"{module}.multiarray.scalar") for module in ("numpy.core", "numpy._core")),
    *((_ARRAY, f"{module}.multiarray._reconstruct") for module in ("numpy.core", "numpy._core")),
    (np.ndarray, "numpy.ndarray"),
    (np.dtype, "numpy.dtype"),
    *((type(np.dtype(kind)), f"numpy.dtypes.{type(np.dtype(kind)).__name__}") for kind in _KINDS),
    # paths as text of either system, which cannot touch a disk; Python 3.13 renamed the module
    *(
        (pure, f"{module}.{name}")
        for module in ("pathlib", "pathlib._local")
        for name, pure in (
            ("PosixPath", pathlib.PurePosixPath),
            ("PurePosixPath", pathlib.PurePosixPath),
            ("WindowsPath", pathlib.PureWindowsPath),
            ("PureWindowsPath", pathlib.PureWindowsPath),
        )
    ),
)
"""What `torch.serialization.safe_globals` takes: a stand-in and the name it stands in for."""

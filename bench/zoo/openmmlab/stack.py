"""Brings OpenMMLab up on current torch: every known breakage is mended here, before the first import.

What breaks, and what is done:

- `mmcv._ext` has no build for current torch: `operators` serves it.
- mmdet and mmsegmentation refuse mmcv 2.2, the only version with wheels for torch 2.2 and later,
  by an assertion: they are shown the last version that they accept while they are imported.
- torch 2.6 reads checkpoints without running their code, and so refuses those of mmengine for the logs
  in them: mmengine reads files by our own reader, which lets no such type in.
- setuptools 82 dropped `pkg_resources`, with which mmengine looks packages up, and older ones warn of
  that: it is given the functions of the standard library.
- torch 2.5 brought an optimizer of a name that mmengine registered: mended in mmengine 0.10.7, the
  oldest that the extra allows. Nothing that is used here breaks on numpy 2.
"""

from __future__ import annotations

import io
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.machine.openmmlab import obstacle
from bench.zoo.checkpoint import unpickle
from bench.zoo.openmmlab import operators

ACCEPTED_MMCV = "2.1.0"
REFUSED_MMCV = "2.2."


def start(what: str = "a detector or segmentor") -> operators.Provider:
    """Import OpenMMLab, mended, at the first call, which takes seconds. Say who serves mmcv's operators.

    Raises `MissingExtra` naming `what` where the extra is not installed.
    """
    missing = obstacle(what)
    if missing is not None:
        raise missing
    return _import()


@cache
def _import() -> operators.Provider:
    provider = operators.install()
    with quiet():
        import mmcv  # noqa: PLC0415 (not before the operators are there)

        with _accepted(mmcv):
            import mmdet.models  # noqa: PLC0415, F401
            import mmseg.models  # noqa: PLC0415, F401
        _mend_look_ups()
        _mend_checkpoints()
    return provider


@contextmanager
def quiet() -> Iterator[None]:
    """Within, OpenMMLab does not warn of how it uses other packages, nor log every weight that it draws."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        # some of what it logs it prints
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextmanager
def _accepted(mmcv: Any) -> Iterator[None]:
    version = mmcv.__version__
    if version.startswith(REFUSED_MMCV):
        mmcv.__version__ = ACCEPTED_MMCV
    try:
        yield
    finally:
        mmcv.__version__ = version


def _mend_look_ups() -> None:
    from mmengine.utils import package_utils  # noqa: PLC0415

    for mended in (is_installed, get_installed_path):
        broken = getattr(package_utils, mended.__name__)
        for module in [each for name, each in sys.modules.items() if name.startswith("mmengine")]:
            if getattr(module, mended.__name__, None) is broken:
                setattr(module, mended.__name__, mended)


def is_installed(package: str) -> bool:
    """Say whether a package can be imported; as mmengine's function of this name."""
    return find_spec(package.replace("-", "_")) is not None


def get_installed_path(package: str) -> str:
    """Return the folder of an installed package; as mmengine's function of this name."""
    spec = find_spec(package.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"no package {package} is installed")
    return str(Path(spec.origin).parent)


def _mend_checkpoints() -> None:
    from mmengine.runner.checkpoint import CheckpointLoader  # noqa: PLC0415

    CheckpointLoader.register_scheme(prefixes="", loader=_read, force=True)


def _read(filename: str, map_location: str | Callable[..., object] | None = None) -> object:
    """Read a local file for mmengine; everything comes to the CPU and is moved by whoever loads it."""
    del map_location
    path = Path(filename).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{filename} can not be found.")
    return unpickle(path)

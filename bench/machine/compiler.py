"""The C++ compiler that torch would call to compile a network for the CPU."""

from __future__ import annotations

import os
import shutil
import sys


def wanted() -> str:
    """Return the program that torch takes: the one CXX names, else g++ (clang++ on macOS)."""
    words = os.environ.get("CXX", "").split()
    return words[0] if words else "clang++" if sys.platform == "darwin" else "g++"


def find() -> str | None:
    """Return the path of that program, or None where it is not installed."""
    return shutil.which(wanted())

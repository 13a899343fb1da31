"""Fixtures of the scan's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture
def generator() -> torch.Generator:
    """Draw the same numbers in every test."""
    return torch.Generator().manual_seed(0)


@pytest.fixture
def poisoned_memory() -> Iterator[None]:
    """Fill memory that torch allocates without values with NaN, so that a missed store is seen."""
    torch.use_deterministic_algorithms(True)
    assert torch.empty(3).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)

"""Counts detectors and segmentors: neck and heads by fvcore, the backbone as its authors count it."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from bench.nets.localvim import LocalVimConfig
from bench.nets.plain import PlainTrunk
from bench.tasks.complexity.calls import record_calls
from bench.tasks.complexity.count import FORMULA, Complexity, Official, count
from bench.tasks.complexity.localvim_dense import LOCALVIM_DENSE
from bench.tasks.complexity.official import Formula, formula_of
from bench.tasks.complexity.scan import scans_as_operators
from bench.zoo.openmmlab.counted import COUNTED, MODULE, counted

REST = "neck and heads"


def count_dense(model: nn.Module, height_px: int, width_px: int) -> Complexity:
    """Count a detector or segmentor on the CPU for one image, as the published figures were counted.

    Parameters are those of the whole, auxiliary heads included.
    """
    found = count(counted(model), height_px, width_px)
    backbone = model.get_submodule("backbone")
    formula = backbone_formula(backbone)
    if formula is None:
        return replace(found, official=replace(found.official, text=f"{FORMULA}; {COUNTED}"))
    kinds = count_backbone(formula, backbone, torch.zeros(1, 3, height_px, width_px))
    kinds[REST] = found.fvcore.macs - found.fvcore.by_module[f"{MODULE}.backbone"]
    text = f"backbone: {formula.text}; {REST}: {FORMULA}; {COUNTED}"
    return replace(found, official=Official(formula.name, text, kinds))


def backbone_formula(backbone: nn.Module) -> Formula | None:
    """Return how the authors of a backbone count it in detectors and segmentors; None for fvcore alone."""
    if isinstance(backbone, PlainTrunk) and isinstance(backbone.config, LocalVimConfig):
        return LOCALVIM_DENSE
    return formula_of(backbone)


def count_backbone(formula: Formula, backbone: nn.Module, image: torch.Tensor) -> dict[str, int]:
    """Return the MACs of a backbone for an image (1, 3, h, w) by kind of operation."""
    with scans_as_operators(backbone):
        return formula.count(record_calls(backbone, image))

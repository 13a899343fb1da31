"""Which parameters are drawn to zero, and which learn at a rate of their own."""

from __future__ import annotations

from typing import Any

from torch import nn

STATE_SPACE = ("A_log", "A_b_log", "A_logs", "D", "D_b", "Ds", "dt_projs_bias")
"""Last parts of names of what describes a state space; papers leave it out of weight decay."""

TABLES = ("pos_embed", "cls_token")
BACKBONE = "backbone."


def decays(name: str, parameter: nn.Parameter) -> bool:
    """Say whether weight decay is for a parameter: matrices and kernels, not norms, biases or tables."""
    last = name.rsplit(".", 1)[-1]
    return parameter.ndim > 1 and last not in STATE_SPACE and last not in TABLES


def groups(model: nn.Module, weight_decay: float, backbone_lr: float = 1.0) -> list[dict[str, Any]]:
    """Return parameter groups for an optimizer; `factor` is what a group's learning rate is multiplied by."""
    found: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            key = (decays(name, parameter), name.startswith(BACKBONE))
            found.setdefault(key, []).append(parameter)
    return [
        {
            "params": parameters,
            "weight_decay": weight_decay if decaying else 0.0,
            "factor": backbone_lr if in_backbone else 1.0,
        }
        for (decaying, in_backbone), parameters in found.items()
    ]
